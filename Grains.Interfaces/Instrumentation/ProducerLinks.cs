using System.Diagnostics;
using System.Text;
using OrleansStream.Records;

namespace OrleansStream.Instrumentation;

/// <summary>
/// Links a span to the spans in which its records were produced, which producers name in the record header <c>traceparent</c> (W3C Trace Context).
/// Called for recorded spans only.
/// </summary>
public static class ProducerLinks
{
    // 00-{32 hexadecimal digits}-{16}-{2}
    private const int LengthBytes = 55;

    /// <summary>Links a span to the producers of some records; to <see cref="TelemetryLimits.RecordLinksMax"/> of them at most.</summary>
    /// <param name="span">The span.</param>
    /// <param name="batches">Whole batches, back to back, whatever they contain; what cannot be read has no link.</param>
    public static void Add(Activity span, ReadOnlySpan<byte> batches)
    {
        ArgumentNullException.ThrowIfNull(span);
        var links = span.Links.Select(link => link.Context.SpanId).ToHashSet();
        var left = TelemetryLimits.LinkedRecordsMax;
        try
        {
            for (; left > 0 && RecordBatchHeader.TryRead(batches, out var header) && header.LengthBytes <= batches.Length;
                batches = batches[header.LengthBytes..])
            {
                using var records = new StoredBatchReader(batches[..header.LengthBytes]);
                for (; left > 0 && records.TryReadNext(out var record); left--)
                {
                    foreach (var one in record.Headers)
                    {
                        if (!one.Key.SequenceEqual("traceparent"u8) || one.Value.Length != LengthBytes
                            || !ActivityContext.TryParse(Encoding.ASCII.GetString(one.Value), traceState: null, isRemote: true, out var producer))
                        {
                            continue;
                        }

                        if (links.Count >= TelemetryLimits.RecordLinksMax)
                            return;
                        if (links.Add(producer.SpanId))
                            span.AddLink(new ActivityLink(producer));
                    }
                }
            }
        }
        catch (RecordFormatException)
        {
            // Whoever appends or reads the batch says what is wrong with it.
        }
    }
}
