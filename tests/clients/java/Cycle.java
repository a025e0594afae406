/*
 * The Java client against a server: argument 0 is its address, argument 1 a
 * directory for files. Prints "ok NAME" for each part that went well; an
 * exception ends it with status 1. Run by test_java.py.
 */
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.mlflow.api.proto.ModelRegistry.ModelVersion;
import org.mlflow.api.proto.ModelRegistry.RegisteredModel;
import org.mlflow.api.proto.Service.CreateExperiment;
import org.mlflow.api.proto.Service.CreateRun;
import org.mlflow.api.proto.Service.Experiment;
import org.mlflow.api.proto.Service.ExperimentTag;
import org.mlflow.api.proto.Service.FileInfo;
import org.mlflow.api.proto.Service.Metric;
import org.mlflow.api.proto.Service.Param;
import org.mlflow.api.proto.Service.Run;
import org.mlflow.api.proto.Service.RunInfo;
import org.mlflow.api.proto.Service.RunStatus;
import org.mlflow.api.proto.Service.RunTag;
import org.mlflow.api.proto.Service.ViewType;
import org.mlflow.tracking.ActiveRun;
import org.mlflow.tracking.ExperimentsPage;
import org.mlflow.tracking.MlflowClient;
import org.mlflow.tracking.MlflowContext;
import org.mlflow.tracking.MlflowHttpException;
import org.mlflow.tracking.ModelVersionsPage;
import org.mlflow.tracking.RunsPage;

@SuppressWarnings("deprecation")
public class Cycle {
	private static final int POINTS = 25000;
	private final MlflowClient client;
	private final Path directory;
	private String experiment;

	private Cycle(String uri, Path directory) {
		this.client = new MlflowClient(uri);
		this.directory = directory;
	}

	private static void same(Object got, Object wanted) {
		if (!got.equals(wanted))
			throw new AssertionError("got " + got + ", not " + wanted);
	}

	private static void refused(int status, String why, Runnable call) {
		try {
			call.run();
		} catch (MlflowHttpException e) {
			same(e.getStatusCode(), status);
			same(e.getBodyMessage().contains(why) ? why : e.getBodyMessage(), why);
			return;
		}
		throw new AssertionError("was not refused: " + why);
	}

	private static Map<String, String> params(Run run) {
		return run.getData().getParamsList().stream().collect(
			Collectors.toMap(Param::getKey, Param::getValue));
	}

	private static Map<String, String> tags(Run run) {
		return run.getData().getTagsList().stream().collect(
			Collectors.toMap(RunTag::getKey, RunTag::getValue));
	}

	private static Map<String, Double> metrics(Run run) {
		return run.getData().getMetricsList().stream().collect(
			Collectors.toMap(Metric::getKey, Metric::getValue));
	}

	private static Metric point(String key, double value, long at, long step) {
		return Metric.newBuilder().setKey(key).setValue(value).setTimestamp(at)
			.setStep(step).build();
	}

	void experiments() {
		experiment = client.createExperiment("java");
		same(client.getExperiment(experiment).getName(), "java");
		same(client.getExperimentByName("java").get().getExperimentId(), experiment);
		same(client.getExperimentByName("none").isPresent(), false);
		refused(400, "already exists", () -> client.createExperiment("java"));
		refused(404, "No Experiment with id", () -> client.getExperiment("123456"));

		String other = client.createExperiment(CreateExperiment.newBuilder()
			.setName("java \u00e9").addTags(ExperimentTag.newBuilder()
				.setKey("a").setValue("1")).build());
		client.setExperimentTag(other, "b", "\u4e16");
		Experiment found = client.getExperiment(other);
		same(found.getTagsList().stream().collect(Collectors.toMap(
			ExperimentTag::getKey, ExperimentTag::getValue)),
			Map.of("a", "1", "b", "\u4e16"));
		client.renameExperiment(other, "java other");
		client.deleteExperiment(other);
		same(client.getExperiment(other).getLifecycleStage(), "deleted");
		client.restoreExperiment(other);
		same(client.getExperiment(other).getName(), "java other");

		for (int i = 0; i < 5; i++)
			client.createExperiment("page " + i);
		List<String> names = new ArrayList<>();
		ExperimentsPage page = client.searchExperiments("name LIKE 'page %'",
			ViewType.ACTIVE_ONLY, 2, List.of("name DESC"));
		for (;; page = (ExperimentsPage) page.getNextPage()) {
			page.getItems().forEach(x -> names.add(x.getName()));
			if (!page.hasNextPage())
				break;
		}
		same(names, List.of("page 4", "page 3", "page 2", "page 1", "page 0"));
		same(client.searchExperiments("name = 'java'").getPageSize(), 1);
	}

	void runs() {
		RunInfo info = client.createRun(CreateRun.newBuilder()
			.setExperimentId(experiment).setRunName("first").setUserId("duke")
			.setStartTime(1234).addTags(RunTag.newBuilder().setKey("k")
				.setValue("v")).build());
		String id = info.getRunId();
		same(info.getStatus(), RunStatus.RUNNING);
		same(info.getStartTime(), 1234L);
		client.logParam(id, "depth", "12");
		client.logParam(id, "depth", "12");
		refused(400, "Changing param values", () -> client.logParam(id, "depth", "13"));
		client.logMetric(id, "loss", 0.25);
		client.logMetric(id, "loss", 0.125, 5000, 7);
		client.logMetric(id, "odd", Double.NaN, 1, 0);
		client.logMetric(id, "odd", Double.POSITIVE_INFINITY, 1, 1);
		client.logMetric(id, "odd", Double.NEGATIVE_INFINITY, 1, -1);
		client.logMetric(id, "odd", Double.MIN_VALUE, Long.MAX_VALUE, Long.MIN_VALUE);
		client.setTag(id, "note", "line\nline");
		client.setTag(id, "gone", "");
		client.deleteTag(id, "gone");
		client.setTerminated(id, RunStatus.FAILED, 99999);

		Run run = client.getRun(id);
		same(run.getInfo().getRunName(), "first");
		same(run.getInfo().getUserId(), "duke");
		same(run.getInfo().getStatus(), RunStatus.FAILED);
		same(run.getInfo().getEndTime(), 99999L);
		same(params(run), Map.of("depth", "12"));
		same(tags(run), Map.of("k", "v", "note", "line\nline",
			"mlflow.runName", "first"));
		same(metrics(run).get("loss"), 0.125);
		Map<Long, Double> odd = new TreeMap<>();
		client.getMetricHistory(id, "odd").forEach(
			m -> odd.put(m.getStep(), m.getValue()));
		same(odd, Map.of(0L, Double.NaN, 1L, Double.POSITIVE_INFINITY, -1L,
			Double.NEGATIVE_INFINITY, Long.MIN_VALUE, Double.MIN_VALUE));

		client.deleteRun(id);
		refused(400, "must be in the 'active' state", () -> client.setTag(id, "k", "w"));
		client.restoreRun(id);
		client.setTag(id, "k", "w");
		refused(404, "not found", () -> client.getRun("0".repeat(32)));
	}

	/* The client asks for 25000 points and cannot take a second page; older
	 * ones do not say how much they want, and get it all. */
	void history() {
		String id = client.createRun(experiment).getRunId();
		same(client.getMetricHistory(id, "never").size(), 0);
		for (int start = 0; start < POINTS; start += 1000) {
			List<Metric> points = new ArrayList<>();
			for (int i = start; i < start + 1000; i++)
				points.add(point("m", i / 8.0, 1000 + i, i));
			client.logBatch(id, points, List.of(), List.of());
		}
		List<Metric> got = client.getMetricHistory(id, "m");
		same(got.size(), POINTS);
		for (int i = 0; i < POINTS; i++)
			same(got.get(i), point("m", i / 8.0, 1000 + i, i).toBuilder()
				.build());
		client.setTerminated(id);
		client.logMetric(id, "m", 1, 1, -1);
		String whole = client.sendGet("metrics/get-history?run_id=" + id
			+ "&metric_key=m");
		same(whole.split("\"step\":").length - 1, POINTS + 1);
		same(whole.contains("next_page_token"), false);
	}

	void batches() {
		String id = client.createRun(experiment).getRunId();
		List<Metric> points = new ArrayList<>();
		List<Param> params = new ArrayList<>();
		List<RunTag> tags = new ArrayList<>();
		for (int i = 0; i < 800; i++)
			points.add(point("m" + i, i, 1, 0));
		for (int i = 0; i < 100; i++) {
			params.add(Param.newBuilder().setKey("p" + i).setValue("" + i).build());
			tags.add(RunTag.newBuilder().setKey("t" + i).setValue("" + i).build());
		}
		client.logBatch(id, points, params, tags);
		Run run = client.getRun(id);
		same(run.getData().getMetricsCount(), 800);
		same(metrics(run).get("m799"), 799.0);
		same(params(run).get("p42"), "42");
		same(tags(run).get("t99"), "99");
		params.set(0, Param.newBuilder().setKey("p0").setValue("new").build());
		refused(400, "Changing param values", () -> client.logBatch(id,
			List.of(point("late", 1, 1, 0)), params, null));
		same(metrics(client.getRun(id)).containsKey("late"), false);
		points.addAll(points);
		refused(400, "at most 1000", () -> client.logBatch(id, points, null, null));
	}

	/* As programs log that know nothing of clients. */
	void context() {
		MlflowContext context = new MlflowContext(client);
		client.createExperiment("java context");
		context.setExperimentName("java context");
		ActiveRun parent = context.startRun("parent");
		ActiveRun child = context.startRun("child", parent.getId());
		child.logParams(Map.of("a", "1", "b", "2"));
		child.logMetrics(Map.of("x", 0.5, "y", 0.25), 3);
		child.setTags(Map.of("t", "1"));
		child.endRun();
		parent.endRun(RunStatus.KILLED);
		context.withActiveRun("third", run -> run.logMetric("x", 1.5, 1));

		same(client.getRun(parent.getId()).getInfo().getStatus(), RunStatus.KILLED);
		List<RunInfo> found = client.searchRuns(
			List.of(context.getExperimentId()),
			"tags.mlflow.parentRunId = '" + parent.getId() + "'");
		same(found.size(), 1);
		same(found.get(0).getRunId(), child.getId());
		same(metrics(client.getRun(child.getId())), Map.of("x", 0.5, "y", 0.25));
	}

	void search() {
		String x = client.createExperiment("java search");
		for (int i = 0; i < 25; i++) {
			String id = client.createRun(CreateRun.newBuilder().setExperimentId(x)
				.setStartTime(i).build()).getRunId();
			client.logBatch(id, List.of(point("m", i, 1, 0)), List.of(
				Param.newBuilder().setKey("p").setValue("" + i % 2).build()), null);
		}
		List<Double> seen = new ArrayList<>();
		RunsPage page = client.searchRuns(List.of(x), "params.p = '1'",
			ViewType.ACTIVE_ONLY, 5, List.of("metrics.m DESC"));
		for (;; page = (RunsPage) page.getNextPage()) {
			page.getItems().forEach(r -> seen.add(metrics(r).get("m")));
			if (!page.hasNextPage())
				break;
		}
		same(seen, List.of(23.0, 21.0, 19.0, 17.0, 15.0, 13.0, 11.0, 9.0, 7.0,
			5.0, 3.0, 1.0));
		same(client.searchRuns(List.of(x), "metrics.m > 99").size(), 0);
		same(client.searchRuns(List.of(x), "", ViewType.DELETED_ONLY).size(), 0);
		same(client.listRunInfos(x).size(), 25);
		refused(400, "", () -> client.searchRuns(List.of(x), "metrics.m = 'a'"));
	}

	/* The client uploads and downloads by the command line of the Python one. */
	void artifacts() throws Exception {
		String id = client.createRun(experiment).getRunId();
		same(client.listArtifacts(id).size(), 0);
		Path below = Files.createDirectories(directory.resolve("model/data"));
		Files.writeString(below.resolve("a b.txt"), "one");
		Files.writeString(below.resolveSibling("MLmodel"), "flavors: {}\n");
		client.logArtifacts(id, below.getParent().toFile(), "model");
		List<FileInfo> listed = client.listArtifacts(id);
		same(listed.size(), 1);
		same(listed.get(0).getPath(), "model");
		same(listed.get(0).getIsDir(), true);
		listed = client.listArtifacts(id, "model");
		same(listed.stream().map(FileInfo::getPath).collect(Collectors.toList()),
			List.of("model/MLmodel", "model/data"));
		same(listed.get(0).getFileSize(), 12L);
		registry(id);
	}

	/* It has no calls that make models, so they are sent as they are. */
	private void registry(String run) throws Exception {
		client.sendPost("registered-models/create", "{\"name\": \"duke\"}");
		String source = client.getRun(run).getInfo().getArtifactUri() + "/model";
		for (int i = 0; i < 3; i++)
			client.sendPost("model-versions/create", "{\"name\": \"duke\", "
				+ "\"source\": \"" + source + "\", \"run_id\": \"" + run + "\"}");
		client.sendPost("model-versions/transition-stage", "{\"name\": \"duke\", "
			+ "\"version\": \"1\", \"stage\": \"Production\", "
			+ "\"archive_existing_versions\": false}");
		client.sendPatch("model-versions/update", "{\"name\": \"duke\", "
			+ "\"version\": \"2\", \"description\": \"second\"}");

		RegisteredModel model = client.getRegisteredModel("duke");
		same(model.getLatestVersionsCount(), 2);
		ModelVersion second = client.getModelVersion("duke", "2");
		same(second.getDescription(), "second");
		same(second.getSource(), source);
		same(client.getModelVersionDownloadUri("duke", "2"), source);
		same(client.getLatestVersions("duke", List.of("Production")).get(0)
			.getVersion(), "1");
		same(client.getLatestVersions("duke").size(), 2);
		refused(404, "not found", () -> client.getModelVersion("duke", "9"));

		List<String> numbers = new ArrayList<>();
		ModelVersionsPage page = client.searchModelVersions("name = 'duke'", 2,
			List.of("version_number ASC"));
		for (;; page = (ModelVersionsPage) page.getNextPage()) {
			page.getItems().forEach(v -> numbers.add(v.getVersion()));
			if (!page.hasNextPage())
				break;
		}
		same(numbers, Arrays.asList("1", "2", "3"));
		File got = client.downloadLatestModelVersion("duke", "Production");
		same(Files.readString(got.toPath().resolve("MLmodel")), "flavors: {}\n");
		same(Files.readString(got.toPath().resolve("data/a b.txt")), "one");
	}

	private interface Part {
		void run() throws Exception;
	}

	private static void part(String name, Part part) throws Exception {
		part.run();
		System.out.println("ok " + name);
	}

	public static void main(String[] args) throws Exception {
		Cycle cycle = new Cycle(args[0], Path.of(args[1]));
		part("experiments", cycle::experiments);
		part("runs", cycle::runs);
		part("history", cycle::history);
		part("batches", cycle::batches);
		part("context", cycle::context);
		part("search", cycle::search);
		part("artifacts", cycle::artifacts);
	}
}
