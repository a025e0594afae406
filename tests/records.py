"""Records of a mount's journal as they travel (indexer/journal/record.h)."""
import struct

TABLE = []
for n in range(256):
    for _ in range(8):
        n = n >> 1 ^ (0x82F63B78 if n & 1 else 0)
    TABLE.append(n)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 255]
    return crc ^ 0xFFFFFFFF


def varint(n):
    out = b""
    while n >= 0x80:
        out += bytes([n & 0x7F | 0x80])
        n >>= 7
    return out + bytes([n])


def point(value, step=None, time=None):
    """step is not below 0 here."""
    packed = bytes([(step is not None) | (time is not None) << 1])
    if step is not None:
        packed += varint(step * 2)
    if time is not None:
        packed += varint(time)
    return packed + struct.pack("<d", value)


def record(journal, seq, run, key, points, accepted=1700000000000):
    run, key = run.encode(), key.encode()
    body = struct.pack("<IqqHHI", 32 + len(run) + len(key) + len(points), seq,
                       accepted, len(run), len(key), len(points))
    body += run + key + points
    return struct.pack("<I", crc32c(journal.encode() + body)) + body
