using System.Diagnostics.Metrics;
using OrleansStream.Instrumentation;

namespace OrleansStream.Log.Resources;

/// <summary>The metrics of all logs in this process, in the meter <see cref="StreamTelemetry.Name"/>.</summary>
/// <remarks>
/// While nobody collects them, each costs a comparison. Their tags have a handful of values each: no topic, no partition, nothing that a caller
/// chose.
/// </remarks>
internal static class LogInstruments
{
    /// <summary>The tag with where the bytes of a read came from: <c>tail</c> or <c>ahead</c> (both in memory), or <c>store</c>.</summary>
    public const string SourceTag = "source";

    /// <summary>The tag with what became of a try to append to the store.</summary>
    public const string OutcomeTag = "outcome";

    /// <summary>The tag with the bound that an append met: <c>partition</c> or <c>server</c>.</summary>
    public const string BoundTag = "bound";

    private static readonly Meter Meter = new(StreamTelemetry.Name);

    private static readonly Histogram<int> CommitAppends = Meter.CreateHistogram(
        "orleansstream.commit.appends", "{append}", "Requests to append that one write to the store made durable together.",
        advice: Buckets(1, 2, 4, 8, 16, 32, 64, 128, 256, 512));

    private static readonly Histogram<int> CommitSize = Meter.CreateHistogram(
        "orleansstream.commit.size", "By", "Bytes of one write to the store.",
        advice: Buckets(256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304));

    private static readonly Histogram<double> StoreAppendDuration = Meter.CreateHistogram(
        "orleansstream.store.append.duration", "s", "From the begin of a write to the store until its outcome is certain, with the roll before it and all repeats.",
        advice: Seconds(0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10));

    private static readonly Counter<long> StoreRefusals = Meter.CreateCounter<long>(
        "orleansstream.store.append.refusals", "{try}", "Tries to write to the store that it did not confirm, by what it answered.");

    private static readonly Counter<long> AppendRefusals = Meter.CreateCounter<long>(
        "orleansstream.append.refusals", "{append}", "Appends that were refused because too many bytes were not durable yet.");

    private static readonly Counter<long> Reads = Meter.CreateCounter<long>(
        "orleansstream.log.reads", "{read}", "Reads of batches, by where they were: in memory, or in the store.");

    private static readonly Histogram<double> FetchAge = Meter.CreateHistogram(
        "orleansstream.fetch.age", "s", "The age of the first batch of a read, by the time of its newest record: from producer to consumer.",
        advice: Seconds(0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3_600));

    /// <summary>True while somebody collects the age of what is read.</summary>
    public static bool CollectsAge => FetchAge.Enabled;

    /// <summary>Notes a group that was stored.</summary>
    /// <param name="appendCount">The count of its appends, also of those that were refused.</param>
    /// <param name="lengthBytes">The bytes that were written for it.</param>
    /// <param name="elapsed">The time until it was certainly stored, with the roll before it and all tries.</param>
    public static void Stored(int appendCount, int lengthBytes, TimeSpan elapsed)
    {
        CommitAppends.Record(appendCount);
        CommitSize.Record(lengthBytes);
        StoreAppendDuration.Record(elapsed.TotalSeconds);
    }

    /// <summary>Notes a try that the store did not confirm.</summary>
    /// <param name="outcome">Its answer, by the tag's words such as <c>conflict</c>.</param>
    public static void StoreRefused(string outcome) => StoreRefusals.Add(1, new KeyValuePair<string, object?>(OutcomeTag, outcome));

    /// <summary>Notes an append that met a bound.</summary>
    /// <param name="bound">Whose bound: <c>partition</c> or <c>server</c>.</param>
    public static void AppendRefused(string bound) => AppendRefusals.Add(1, new KeyValuePair<string, object?>(BoundTag, bound));

    /// <summary>Notes a read.</summary>
    /// <param name="source">Where the bytes were.</param>
    public static void Read(string source) => Reads.Add(1, new KeyValuePair<string, object?>(SourceTag, source));

    /// <summary>Notes the age of what was read.</summary>
    /// <param name="source">Where the bytes were.</param>
    /// <param name="ageMs">The age, in milliseconds. Clients date their records as they like, so it may be any number.</param>
    public static void Aged(string source, double ageMs) =>
        FetchAge.Record(Math.Max(0, ageMs / 1000), new KeyValuePair<string, object?>(SourceTag, source));

    private static InstrumentAdvice<int> Buckets(params int[] bounds) => new() { HistogramBucketBoundaries = bounds };

    private static InstrumentAdvice<double> Seconds(params double[] bounds) => new() { HistogramBucketBoundaries = bounds };
}
