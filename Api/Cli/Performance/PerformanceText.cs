using OrleansStream.Cli.Calls;
using OrleansStream.Cli.Terminal;
using OrleansStream.Cli.Texts;

namespace OrleansStream.Cli.Performance;

/// <summary>Tells what a load measured: rates, and percentiles of how long records took.</summary>
internal static class PerformanceText
{
    private const int BarLength = 40;

    private static readonly (string Name, double Part)[] Percentiles = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99_9", 0.999)];

    /// <summary>Writes it to standard output, as one JSON object or for people.</summary>
    /// <param name="call">The run whose output takes it.</param>
    /// <param name="topic">The name of the topic that was written or read.</param>
    /// <param name="records">How many records were stored or read.</param>
    /// <param name="bytes">The bytes of their keys and values.</param>
    /// <param name="seconds">How long all of them took.</param>
    /// <param name="latencies">How long each took; null where nobody knows.</param>
    public static void Write(Call call, string topic, long records, long bytes, double seconds, Latencies? latencies)
    {
        var divisor = Math.Max(seconds, 0.000_001);
        if (call.AsJson)
        {
            JsonLines.Write(call.Screen, json =>
            {
                json.WriteString("topic", topic);
                json.WriteNumber("records", records);
                json.WriteNumber("bytes", bytes);
                json.WriteNumber("seconds", Math.Round(seconds, 3));
                json.WriteNumber("records_per_second", Math.Round(records / divisor, 1));
                json.WriteNumber("bytes_per_second", Math.Round(bytes / divisor, 1));
                if (latencies is null)
                    return;
                json.WriteStartObject("latency_ms");
                foreach (var (name, part) in Percentiles)
                    json.WriteNumber(name, Math.Round(latencies.Percentile(part) * 1000, 3));
                json.WriteNumber("max", Math.Round(latencies.Max * 1000, 3));
                json.WriteEndObject();
            });
            return;
        }

        var results = call.Screen.Results;
        results.WriteLine($"{records:N0} records in {seconds:F2} s: {records / divisor:N0} records/s, {Sizes.Bytes(bytes / divisor)}/s");
        if (latencies is not { Count: > 0 })
            return;
        results.WriteLine($"latency: {string.Join(", ", Percentiles.Select(one => $"{one.Name.Replace('_', '.')} {Text(latencies.Percentile(one.Part))}"))}, max {Text(latencies.Max)}");
        results.WriteLine();
        var most = latencies.Histogram().Max(bar => bar.Count);
        foreach (var (upTo, count) in latencies.Histogram())
            results.WriteLine($"{"≤ " + Text(upTo),12} {new string('█', (int)Math.Ceiling(BarLength * count / (double)most)),-BarLength} {count:N0}");
    }

    private static string Text(double seconds) => seconds switch
    {
        < 0.001 => $"{seconds * 1_000_000:F0} µs",
        < 1 => $"{seconds * 1000:F1} ms",
        _ => $"{seconds:F2} s",
    };
}
