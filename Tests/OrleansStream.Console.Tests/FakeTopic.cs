using System.Globalization;
using System.Text.Json;

namespace OrleansStream.WebConsole.Tests;

/// <summary>A topic of the service that a test makes up: it answers for its partitions and their records as <c>/v1</c> does.</summary>
internal sealed class FakeTopic
{
    private readonly Dictionary<int, (long Start, List<(long TimeMs, string Key, string Value)> Records)> _partitions = [];
    private int _sent;
    private readonly FakeService _service;
    private readonly string _name;

    public FakeTopic(FakeService service, string name, params long[] starts)
    {
        (_service, _name) = (service, name);
        for (var partition = 0; partition < starts.Length; partition++)
        {
            var number = partition;
            _partitions[number] = (starts[number], []);
            service.On($"GET topics/{name}/partitions/{number}/records", (request, _) => (200, Fetch(number, request.RequestUri!.Query)));
        }

        Answer();
    }

    /// <summary>The most records in one answer.</summary>
    public int AnswerMax { get; set; } = int.MaxValue;

    /// <summary>The records that were sent to the console.</summary>
    public int Sent => Volatile.Read(ref _sent);

    /// <summary>Answers for its partitions, also after the test had the service say something else.</summary>
    public void Answer() => _service.On($"GET topics/{_name}/partitions", (_, _) => (200, Describe()));

    public void Add(int partition, long timeMs, string key = "k", string value = "1") => _partitions[partition].Records.Add((timeMs, key, value));

    private string Describe() => JsonSerializer.Serialize(new
    {
        partitions = _partitions.Select(one => new
        {
            partition = one.Key, log_start_offset = one.Value.Start, high_watermark = one.Value.Start + one.Value.Records.Count,
            size_bytes = 1, deleting_bytes = 0, segment_count = 1, leader = "silo", leader_epoch = 1,
        }),
        size_bytes = 1,
        deleting_bytes = 0,
    });

    // Its place among the records; behind the last one when none is so late.
    private static int FirstSince(List<(long TimeMs, string Key, string Value)> records, long timeMs)
    {
        var found = records.FindIndex(record => record.TimeMs >= timeMs);
        return found >= 0 ? found : records.Count;
    }

    private string Fetch(int partition, string query)
    {
        var asked = query.TrimStart('?').Split('&').Select(part => part.Split('='))
            .ToDictionary(part => part[0], part => Uri.UnescapeDataString(part[1]));
        var (start, records) = _partitions[partition];
        var from = asked.TryGetValue("timestamp", out var time)
            ? start + FirstSince(records, DateTimeOffset.Parse(time, CultureInfo.InvariantCulture).ToUnixTimeMilliseconds())
            : long.Parse(asked["offset"], CultureInfo.InvariantCulture);
        var before = asked.TryGetValue("before", out var text) ? long.Parse(text, CultureInfo.InvariantCulture) : long.MaxValue;
        var count = (int)Math.Min(Math.Min(AnswerMax, int.Parse(asked["limit"], CultureInfo.InvariantCulture)), Math.Max(0, before - from));
        var lookedAt = records.Skip((int)(from - start)).Take(count)
            .Select((record, index) => (record.TimeMs, record.Key, record.Value, Offset: from + index)).ToList();
        var key = asked.GetValueOrDefault("key_contains", "");
        var answered = lookedAt.Where(record => record.Key.Contains(key, StringComparison.OrdinalIgnoreCase)).ToList();
        Interlocked.Add(ref _sent, answered.Count);
        var texts = answered.Select(record =>
            $$"""{"partition":{{partition}},"offset":{{record.Offset}},"timestamp":"{{DateTimeOffset.FromUnixTimeMilliseconds(record.TimeMs):yyyy-MM-ddTHH:mm:ss.fffZ}}","key":"{{record.Key}}","key_type":"string","value":{{record.Value}},"value_type":"json","headers":[]}""");
        return $$"""{"records":[{{string.Join(',', texts)}}],"next_offset":{{from + lookedAt.Count}},"log_start_offset":{{start}},"high_watermark":{{start + records.Count}}}""";
    }
}
