using System.Diagnostics;
using System.Globalization;
using OrleansStream.Instrumentation;

namespace OrleansStream.Gateway.Appending;

/// <summary>The span of one request to append, with its repeats, for requests whose trace is recorded.</summary>
internal static class AppendSpan
{
    /// <summary>Starts the span, if the request's trace is recorded.</summary>
    /// <param name="topic">The topic's name.</param>
    /// <param name="records">The records, which are linked to the spans of their producers.</param>
    public static Activity? Start(string topic, in AppendRecords records)
    {
        var span = StreamTelemetry.Start("append", "send", topic);
        if (span is not null)
            ProducerLinks.Add(span, records.Batches.Span);
        return span;
    }

    /// <summary>Says in the span what came of the append.</summary>
    /// <param name="span">The span; null for none.</param>
    /// <param name="outcome">The outcome.</param>
    public static void Describe(Activity? span, in RecordsAppendOutcome outcome)
    {
        if (span is null)
            return;
        var error = outcome.Response.Error;
        foreach (var part in outcome.Response.Parts)
            error ??= part.Response.Error;
        if (error is not null)
        {
            span.SetTag("error.type", error.Code.ToString());
            span.SetStatus(ActivityStatusCode.Error, error.Detail);
        }

        if (outcome.Response.Parts is [var only])
        {
            span.SetTag(StreamTelemetry.Partition, only.Partition.ToString(CultureInfo.InvariantCulture));
            span.SetTag("messaging.kafka.offset", only.BaseOffset);
        }

        span.SetTag("messaging.batch.message_count", outcome.Response.Parts.Sum(part => part.RecordCount));
    }
}
