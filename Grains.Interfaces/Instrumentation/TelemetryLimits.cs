namespace OrleansStream.Instrumentation;

/// <summary>Bounds of metrics and traces, in one place.</summary>
public static class TelemetryLimits
{
    /// <summary>
    /// The most series of one metric of a process. What is beyond is counted in one series more, whose topic is <see cref="OtherTopics"/>.
    /// OpenTelemetry's SDK stops at 2,000.
    /// </summary>
    public const int SeriesMax = 1_900;

    /// <summary>The name under which the topics beyond <see cref="SeriesMax"/> are counted together. No topic can have this name.</summary>
    public const string OtherTopics = "(other)";

    /// <summary>The most series of one metric of the cluster at <c>/metrics/kafka</c>. The rest is left out, and counted.</summary>
    public const int ClusterSeriesMax = 50_000;

    /// <summary>The age up to which a snapshot of the cluster is shown again. All who ask within it share one.</summary>
    public static readonly TimeSpan SnapshotAgeMax = TimeSpan.FromSeconds(10);

    /// <summary>How long snapshots are taken in the background after somebody has collected metrics of the cluster.</summary>
    public static readonly TimeSpan SnapshotsKeptFor = TimeSpan.FromMinutes(3);

    /// <summary>The longest wait for one silo or one group while a snapshot is taken. Without an answer it is left out.</summary>
    public static readonly TimeSpan AnswerMax = TimeSpan.FromSeconds(5);

    /// <summary>The groups that are asked at the same time.</summary>
    public const int GroupsAtOnce = 32;

    /// <summary>
    /// The most groups that one snapshot asks. When there are more, each snapshot goes on where the last one stopped, and tells of all others what
    /// they said last.
    /// </summary>
    public const int GroupsPerSnapshot = 1_000;

    /// <summary>
    /// The most partitions that one snapshot opens because a group has committed in them and no silo leads them. The next snapshot goes on.
    /// </summary>
    public const int OpenedPerSnapshot = 100;

    /// <summary>
    /// The most records that one snapshot reads for their age. A record is read once, and not again until its group commits further.
    /// </summary>
    public const int AgesReadPerSnapshot = 500;

    /// <summary>The most links of a span to the spans of the records' producers.</summary>
    public const int RecordLinksMax = 32;

    /// <summary>
    /// The most links of a commit's span, as OpenTelemetry's SDK bounds the links of a span by default (<c>OTEL_SPAN_LINK_COUNT_LIMIT</c>).
    /// </summary>
    public const int CommitLinksMax = 128;

    /// <summary>The most records of an append or a read that are searched for the spans of their producers.</summary>
    public const int LinkedRecordsMax = 1_000;

    /// <summary>The part of traces that is recorded unless <c>OTEL_TRACES_SAMPLER</c> says otherwise: one in a hundred.</summary>
    public const double SampledPart = 0.01;
}
