using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace OrleansStream.Client.Telemetry;

/// <summary>
/// The client's spans and metrics, by OpenTelemetry's semantic conventions for messaging (1.44). Add <see cref="Name"/> as a source and as a meter.
/// What a program's listener throws is dropped: the records that it is told of do not depend on it.
/// </summary>
public static class ClientTelemetry
{
    /// <summary>The name of the client's <see cref="ActivitySource"/> and of its <see cref="Meter"/>.</summary>
    public const string Name = "OrleansStream.Client";

    /// <summary>The header of a record that carries the context in which it was sent (W3C Trace Context).</summary>
    public const string TraceParentHeader = "traceparent";

    private const string SystemName = "orleansstream";

    private static readonly ActivitySource Source = new(Name);
    private static readonly Meter Meter = new(Name);

    private static readonly Histogram<double> OperationDuration = Meter.CreateHistogram<double>(
        "messaging.client.operation.duration", "s", "How long a request to the service took, with its repeats.");

    private static readonly Counter<long> SentMessages = Meter.CreateCounter<long>(
        "messaging.client.sent.messages", "{message}", "Records that were sent, stored or not.");

    private static readonly Counter<long> ConsumedMessages = Meter.CreateCounter<long>(
        "messaging.client.consumed.messages", "{message}", "Records that were delivered.");

    private static readonly Counter<long> UnreadableOffsets = Meter.CreateCounter<long>(
        "orleansstream.client.unreadable.offsets", "{offset}", "Offsets that were passed over, since nobody can read them.");

    private static readonly Histogram<double> ProcessDuration = Meter.CreateHistogram<double>(
        "messaging.process.duration", "s", "How long a handler worked on a record.");

    /// <summary>Whether somebody listens to spans.</summary>
    internal static bool IsTraced => Source.HasListeners();

    /// <summary>Begins the span of one record that is sent; null when nobody listens.</summary>
    /// <param name="topic">The topic.</param>
    internal static Activity? BeginSend(string topic) => Begin("send", "send", topic, ActivityKind.Producer, default);

    /// <summary>Begins the span of a request that stores a batch; null when nobody listens.</summary>
    /// <param name="topic">The topic.</param>
    /// <param name="partition">The partition.</param>
    /// <param name="count">The count of its records.</param>
    internal static Activity? BeginPublish(string topic, int partition, int count) => Begin("publish", "send", topic, ActivityKind.Client, default)
        ?.SetTag("messaging.destination.partition.id", partition.ToString())
        .SetTag("messaging.batch.message_count", count);

    /// <summary>
    /// Begins the span of a handler that works on a record; null when nobody listens. It is linked to the span in which the record was sent.
    /// </summary>
    /// <param name="topic">The topic.</param>
    /// <param name="partition">The partition.</param>
    /// <param name="offset">The offset.</param>
    /// <param name="group">The consumer group.</param>
    /// <param name="sentIn">The record's <see cref="TraceParentHeader"/>; null for none.</param>
    internal static Activity? BeginProcess(string topic, int partition, long offset, string group, string? sentIn) =>
        Begin("process", "process", topic, ActivityKind.Consumer, sentIn is not null && ActivityContext.TryParse(sentIn, null, out var context) ? context : default)
        ?.SetTag("messaging.destination.partition.id", partition.ToString())
        .SetTag("messaging.consumer.group.name", group)
        .SetTag("messaging.kafka.offset", offset);

    /// <summary>Counts the records of a request that stores a batch, and its time.</summary>
    /// <param name="topic">The topic.</param>
    /// <param name="count">The count of its records.</param>
    /// <param name="duration">How long the request took.</param>
    /// <param name="error">Kafka's name of what failed; null for success.</param>
    internal static void CountSent(string topic, int count, TimeSpan duration, string? error)
    {
        var tags = TagsOf("publish", "send", topic, error);
        Add(SentMessages, count, tags);
        Record(OperationDuration, duration, tags);
    }

    /// <summary>Counts the records of a poll's answer, and its time.</summary>
    /// <param name="topic">The topics.</param>
    /// <param name="group">The consumer group.</param>
    /// <param name="count">The count of records.</param>
    /// <param name="duration">How long the poll took.</param>
    /// <param name="error">Kafka's name of what failed; null for success.</param>
    internal static void CountPolled(string topic, string group, int count, TimeSpan duration, string? error)
    {
        var tags = TagsOf("poll", "receive", topic, error);
        tags.Add("messaging.consumer.group.name", group);
        if (count > 0)
            Add(ConsumedMessages, count, tags);
        Record(OperationDuration, duration, tags);
    }

    /// <summary>Counts offsets that nobody can read.</summary>
    /// <param name="topic">The topic.</param>
    /// <param name="group">The consumer group; null for a reader without one.</param>
    /// <param name="count">How many.</param>
    internal static void CountUnreadable(string topic, string? group, long count)
    {
        var tags = new TagList { { "messaging.system", SystemName }, { "messaging.destination.name", topic } };
        if (group is not null)
            tags.Add("messaging.consumer.group.name", group);
        Add(UnreadableOffsets, count, tags);
    }

    /// <summary>Notes how long a handler worked.</summary>
    /// <param name="topic">The topic.</param>
    /// <param name="group">The consumer group.</param>
    /// <param name="duration">How long.</param>
    /// <param name="error">The type of the exception that it ended with; null for success.</param>
    internal static void CountProcessed(string topic, string group, TimeSpan duration, string? error)
    {
        var tags = TagsOf("process", "process", topic, error);
        tags.Add("messaging.consumer.group.name", group);
        Record(ProcessDuration, duration, tags);
    }

    /// <summary>Ends a span with an error.</summary>
    /// <param name="activity">The span; null for none.</param>
    /// <param name="error">What failed.</param>
    internal static void Fail(Activity? activity, string error) =>
        activity?.SetTag("error.type", error).SetStatus(ActivityStatusCode.Error, error);

    /// <summary>Ends a span.</summary>
    /// <param name="activity">The span; null for none.</param>
    internal static void End(Activity? activity)
    {
        try
        {
            activity?.Dispose();
        }
        catch (Exception)
        {
            // The span is over all the same.
            if (Activity.Current == activity)
                Activity.Current = activity?.Parent;
        }
    }

    private static Activity? Begin(string name, string type, string topic, ActivityKind kind, ActivityContext link)
    {
        if (!Source.HasListeners())
            return null;
        var outer = Activity.Current;
        try
        {
            return Source.StartActivity(
                kind, links: link == default ? null : [new ActivityLink(link)], name: $"{name} {topic}",
                tags:
                [
                    new("messaging.system", SystemName),
                    new("messaging.operation.name", name),
                    new("messaging.operation.type", type),
                    new("messaging.destination.name", topic),
                ]);
        }
        catch (Exception)
        {
            Activity.Current = outer;
            return null;
        }
    }

    private static void Add(Counter<long> counter, long count, in TagList tags)
    {
        try
        {
            counter.Add(count, tags);
        }
        catch (Exception)
        {
            // As the summary says.
        }
    }

    private static void Record(Histogram<double> histogram, TimeSpan duration, in TagList tags)
    {
        try
        {
            histogram.Record(duration.TotalSeconds, tags);
        }
        catch (Exception)
        {
            // As the summary says.
        }
    }

    private static TagList TagsOf(string name, string type, string topic, string? error)
    {
        var tags = new TagList
        {
            { "messaging.system", SystemName },
            { "messaging.operation.name", name },
            { "messaging.operation.type", type },
            { "messaging.destination.name", topic },
        };
        if (error is not null)
            tags.Add("error.type", error);
        return tags;
    }
}
