using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace OrleansStream.Instrumentation;

/// <summary>The name under which the service emits metrics and traces, and its one source of spans. Safe for any thread.</summary>
/// <remarks>
/// Attributes have the names of OpenTelemetry's semantic conventions for messaging where these have one
/// (https://opentelemetry.io/docs/specs/semconv/messaging/). A span costs next to nothing unless its request is sampled.
/// </remarks>
public static class StreamTelemetry
{
    /// <summary>The name of every meter of the service, and of its source of spans.</summary>
    public const string Name = "OrleansStream";

    /// <summary>The attribute with a topic's name.</summary>
    public const string Topic = "messaging.destination.name";

    /// <summary>The attribute with a partition's number, as text.</summary>
    public const string Partition = "messaging.destination.partition.id";

    /// <summary>The attribute with a consumer group's name.</summary>
    public const string Group = "messaging.consumer.group.name";

    /// <summary>The attribute with the name of an operation, such as <c>append</c>.</summary>
    public const string Operation = "messaging.operation.name";

    /// <summary>The attribute with the kind of an operation: <c>send</c>, <c>receive</c>.</summary>
    public const string OperationType = "messaging.operation.type";

    /// <summary>The attribute with the messaging system; its value is <see cref="SystemName"/>.</summary>
    public const string System = "messaging.system";

    /// <summary>The value of <see cref="System"/>.</summary>
    public const string SystemName = "orleansstream";

    /// <summary>The source of the service's spans.</summary>
    public static ActivitySource Traces { get; } = new(Name);

    /// <summary>The span that is under way, if its trace is recorded; else null, so that nothing is done for spans that nobody sees.</summary>
    public static Activity? Recorded => Activity.Current is { Recorded: true } span ? span : null;

    /// <summary>The meter of one host, so that those of several hosts in a process can be told apart by <see cref="Meter.Scope"/>.</summary>
    /// <param name="factory">The host's; null outside of one.</param>
    public static Meter MeterOf(IMeterFactory? factory) => factory?.Create(Name) ?? new Meter(Name);

    /// <summary>Starts a span below the one that is under way, if that is recorded.</summary>
    /// <param name="operation">The operation, in lower case.</param>
    /// <param name="type">Its kind by the semantic conventions.</param>
    /// <param name="topic">The topic's name.</param>
    /// <returns>The span, which its caller disposes of; null when the trace is not recorded.</returns>
    public static Activity? Start(string operation, string type, string topic)
    {
        if (Recorded is null || Traces.StartActivity($"{operation} {topic}") is not { } span)
            return null;
        span.SetTag(System, SystemName);
        span.SetTag(Operation, operation);
        span.SetTag(OperationType, type);
        span.SetTag(Topic, topic);
        return span;
    }
}
