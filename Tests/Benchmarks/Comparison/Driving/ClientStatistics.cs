using System.Text.Json;

namespace OrleansStream.Comparison.Driving;

/// <summary>How many requests of one kind a client of Kafka's sends, by the statistics that its library tells every so often.</summary>
/// <param name="request">The kind, as the library names it: <c>Produce</c> or <c>Fetch</c>.</param>
internal sealed class ClientStatistics(string request)
{
    /// <summary>How often the library tells.</summary>
    public const int PeriodMs = 100;

    private readonly Lock _lock = new();
    private (double Us, long Count)? _first;
    private (double Us, long Count) _last;

    /// <summary>The requests from the first statistics to the last; NaN until there are two.</summary>
    public double RequestsPerSecond
    {
        get
        {
            lock (_lock)
                return _first is { } first && _last.Us > first.Us ? 1e6 * (_last.Count - first.Count) / (_last.Us - first.Us) : double.NaN;
        }
    }

    /// <summary>Forgets what was told: what counts begins with the next statistics.</summary>
    public void Restart()
    {
        lock (_lock)
            _first = null;
    }

    /// <summary>Takes the statistics.</summary>
    /// <param name="json">As the library tells them (librdkafka, <c>STATISTICS.md</c>).</param>
    public void Take(string json)
    {
        using var told = JsonDocument.Parse(json);
        long count = 0;
        foreach (var broker in told.RootElement.GetProperty("brokers").EnumerateObject())
        {
            if (broker.Value.TryGetProperty("req", out var requests) && requests.TryGetProperty(request, out var sent))
                count += sent.GetInt64();
        }

        lock (_lock)
        {
            _last = (told.RootElement.GetProperty("ts").GetInt64(), count);
            _first ??= _last;
        }
    }
}
