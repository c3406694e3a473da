using System.Diagnostics;
using OrleansStream.Instrumentation;
using OrleansStream.Kafka.Calls;
using OrleansStream.Kafka.Errors;

namespace OrleansStream.Kafka.Connections;

/// <summary>
/// The span of one request of a Kafka client. The protocol carries no trace, so each request begins one, which is linked to the producers of its
/// records.
/// </summary>
internal static class RequestSpan
{
    /// <summary>Starts the span, if somebody collects traces.</summary>
    /// <param name="call">The request.</param>
    /// <returns>The span, which is then the current one; null when nobody does.</returns>
    public static Activity? Start(KafkaCall call)
    {
        if (!StreamTelemetry.Traces.HasListeners())
            return null;
        // A connection may have been accepted in some span of the server's.
        var span = StreamTelemetry.Traces.StartActivity(call.Key.ToString(), ActivityKind.Server, parentContext: default(ActivityContext));
        if (span is not { IsAllDataRequested: true })
            return span;
        span.SetTag(StreamTelemetry.System, "kafka");
        span.SetTag("network.protocol.name", "kafka");
        span.SetTag("client.address", call.Caller.Address?.ToString());
        span.SetTag("messaging.client.id", call.ClientId);
        return span;
    }

    /// <summary>Ends the span.</summary>
    /// <param name="span">The span; null for none.</param>
    /// <param name="call">The request, with its answer.</param>
    public static void End(Activity? span, KafkaCall call)
    {
        if (span is null)
            return;
        if (span.IsAllDataRequested && (KafkaError)call.Answer.FirstError is var error and not KafkaError.None)
        {
            span.SetTag("error.type", error.ToString());
            span.SetStatus(ActivityStatusCode.Error);
        }

        span.Dispose();
    }
}
