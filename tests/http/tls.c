/* SPDX-License-Identifier: Apache-2.0 */
/* tls.c - the server by TLS, with a certificate made here. */
#define ERR_STATE OPENSSL_ERR_STATE
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#undef ERR_STATE

#include <sys/socket.h>
#include <unistd.h>

#include "indexer/base/log.h"
#include "tests/http/demo.h"
#include "tests/http/peer.h"
#include "tests/tap.h"

#define H "Host: localhost\r\n"

enum { LARGE = 20 << 20 };

static struct demo *demo;
static char dir[] = "/tmp/orrery-tls-XXXXXX";
static char cert_path[64], key_path[64];

static void make_certificate(const char *name)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	X509_NAME *n = X509_get_subject_name(x);
	FILE *f = fopen(cert_path, "w");

	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), -60);
	X509_gmtime_adj(X509_getm_notAfter(x), 86400);
	X509_set_pubkey(x, key);
	X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_ASC,
				   (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(x, n);
	X509_sign(x, key, EVP_sha256());
	PEM_write_X509(f, x);
	fclose(f);
	f = fopen(key_path, "w");
	PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
	fclose(f);
	X509_free(x);
	EVP_PKEY_free(key);
}

static void check_requests(const char *url)
{
	struct peer p;
	bool good = true;

	ok(peer_open(&p, url), "handshake");
	for (int i = 0; i < 50; i++)
		good = good &&
		       peer_ask(&p, "GET /hello HTTP/1.1\r\n" H "\r\n") == 200;
	ok(good, "fifty requests");
	is_i64(peer_ask(&p, "POST /defer HTTP/1.1\r\n" H "\r\n"), 200,
	       "deferred");
	is_i64(peer_ask(&p, "GET /big HTTP/1.1\r\n" H "\r\n"), 200, "large");
	is_i64(p.body.n, 103010, "all of it");
	is_i64(peer_ask(&p,
			"GET /file HTTP/1.1\r\n" H "Range: bytes=5-9\r\n\r\n"),
	       206, "part of a file");
	is_i64(peer_ask(&p, "GET /fill/1000000?chunked HTTP/1.1\r\n" H "\r\n"),
	       200, "a stream");
	is_i64(p.body.n, 1000000, "all of it");
	is_i64(peer_ask(&p, "BAD\r\n\r\n"), 400, "refused");
	ok(peer_ended(&p), "and closed");
	peer_close(&p);
}

static void check_large(const char *url)
{
	struct buf b;
	struct peer p;
	bool good = true;

	buf_init(&b, LARGE + 1000);
	buf_printf(&b, "PUT /sink HTTP/1.1\r\n" H "Content-Length: %d\r\n\r\n",
		   LARGE);
	for (int64_t i = 0; i < LARGE; i++)
		buf_putc(&b, demo_byte(i));
	peer_open(&p, url);
	peer_send(&p, b.p, b.n);
	is_i64(peer_answer(&p, false), 200, "20 MiB up");
	is_str(p.body.p, "{\"bytes\":20971520,\"wrong\":0}", "every byte");
	is_i64(peer_ask(&p, "GET /file HTTP/1.1\r\n" H "\r\n"), 200,
	       "20 MiB down");
	is_i64(p.body.n, LARGE, "all of it");
	for (size_t i = 0; i < 1 << 20 && i < p.body.n; i++)
		good = good && p.body.p[i] == demo_byte((int64_t)i);
	ok(good, "every byte");
	is_i64(peer_ask(&p, "GET /hello HTTP/1.1\r\n" H "\r\n"), 200,
	       "and the connection goes on");
	peer_close(&p);
	buf_fini(&b);
}

static void check_pieces(const char *url)
{
	static const char text[] = "POST /echo HTTP/1.1\r\n" H
				   "Content-Length: 12\r\n\r\n{\"name\":\"a\"}"
				   "GET /hello HTTP/1.1\r\n" H "\r\n";
	struct peer p;

	peer_open(&p, url);
	for (size_t i = 0; i < sizeof(text) - 1; i++)
		peer_send(&p, text + i, 1);
	is_i64(peer_answer(&p, false), 200, "a record for each byte");
	is_i64(peer_answer(&p, false), 200, "and the next");
	peer_close(&p);
}

static void check_refused(const char *url)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	char plain[128];
	struct peer p;
	SSL *ssl = SSL_new(ctx);

	snprintf(plain, sizeof(plain), "http:%s", strchr(url, ':') + 1);
	peer_open(&p, plain);
	is_i64(peer_ask(&p, "GET /hello HTTP/1.1\r\n" H "\r\n"), 0,
	       "plain HTTP is not answered");
	peer_close(&p);
	peer_open(&p, plain);
	SSL_set_min_proto_version(ssl, TLS1_VERSION);
	SSL_set_max_proto_version(ssl, TLS1_1_VERSION);
	SSL_set_security_level(ssl, 0);
	SSL_set_fd(ssl, p.fd);
	ok(SSL_connect(ssl) != 1, "TLS 1.1 is refused");
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	peer_close(&p);
}

static void common_name(const char *url, char *out, int size)
{
	struct peer p;
	X509 *x;

	peer_open(&p, url);
	x = SSL_get1_peer_certificate(p.ssl);
	X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, out,
				  size);
	X509_free(x);
	peer_close(&p);
}

static void check_reload(struct server *s, const char *url)
{
	struct err e = {0};
	char name[64];
	FILE *f;

	make_certificate("second");
	ok(server_reload_tls(s, &e) == 0, "reloaded");
	common_name(url, name, sizeof(name));
	is_str(name, "second", "new connections get the new certificate");
	f = fopen(cert_path, "w");
	fputs("junk", f);
	fclose(f);
	ok(server_reload_tls(s, &e) && e.kind == ERR_INVALID,
	   "junk is refused");
	common_name(url, name, sizeof(name));
	is_str(name, "second", "and changes nothing");
}

int main(void)
{
	struct server_options o;
	struct err e = {0};
	struct server *s;
	char tcp[128], local[128], name[64];

	log_set_level(LOG_WARN);
	if (!mkdtemp(dir))
		abort();
	snprintf(cert_path, sizeof(cert_path), "%s/cert.pem", dir);
	snprintf(key_path, sizeof(key_path), "%s/key.pem", dir);
	demo = demo_new();
	demo_options(demo, &o);
	o.tls_cert = cert_path;
	o.tls_key = key_path;
	ok(!server_new(&o, &e) && e.kind == ERR_INVALID, "no certificate");
	make_certificate("first");
	s = demo_serve(&o, tcp, local);
	ok(strncmp(tcp, "https://", 8) == 0, "the address says https");
	common_name(tcp, name, sizeof(name));
	is_str(name, "first", "the certificate");
	check_requests(tcp);
	check_requests(local);
	if (truncate(demo_file(demo), LARGE))
		abort();
	check_large(tcp);
	check_pieces(tcp);
	check_refused(tcp);
	check_reload(s, tcp);
	server_stop(s, 2000);
	server_free(s);
	demo_free(demo);
	unlink(cert_path);
	unlink(key_path);
	rmdir(dir);
	return tap_done();
}
