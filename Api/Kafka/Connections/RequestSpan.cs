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
    /// <summary>Starts the span, if its trace is recorded.</summary>
    /// <param name="call">The request.</param>
    /// <param name="traces">Begins spans.</param>
    /// <returns>The span, which is then the current one; null when the trace is not recorded.</returns>
    public static Activity? Start(KafkaCall call, RequestTraces traces)
    {
        if (!traces.IsCollected || traces.Start(call.Key.ToString()) is not { } span)
            return null;
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
        if ((KafkaError)call.Answer.FirstError is var error and not KafkaError.None)
        {
            span.SetTag("error.type", error.ToString());
            span.SetStatus(ActivityStatusCode.Error);
        }

        span.Dispose();
    }
}
