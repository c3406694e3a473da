using System.Security.Cryptography;
using System.Text.Json.Nodes;
using OrleansStream.WebConsole.Calls;

namespace OrleansStream.WebConsole.Sample;

/// <summary>A member of the sample's group: a consumer that polls, as any program would, and shows what it does.</summary>
/// <param name="api">Calls the service on behalf of whoever has signed in.</param>
/// <param name="group">The group's name.</param>
/// <param name="topic">The topic that it reads.</param>
/// <param name="name">The member's name in the group.</param>
/// <param name="changed">Told after each poll.</param>
public sealed class SampleMember(StreamApi api, string group, string topic, string name, Action changed) : IDisposable
{
    private const int RecordsPerPoll = 20;
    private const int WaitMs = 1_000;
    private const int LeaseMs = 10_000;

    private static readonly TimeSpan PauseAfterFailure = TimeSpan.FromSeconds(1);

    // Of each tab another: two of one name would take the partitions from each other.
    private readonly string _id = $"{name}-{RandomNumberGenerator.GetHexString(4, lowercase: true)}";

    private CancellationTokenSource? _stop;

    /// <summary>The member's name in the group.</summary>
    public string Name { get; } = name;

    /// <summary>The partitions that it reads now.</summary>
    public IReadOnlyList<int> Partitions { get; private set; } = [];

    /// <summary>The records that it has processed.</summary>
    public long Processed { get; private set; }

    /// <summary>The records that it could not process.</summary>
    public long Failed { get; private set; }

    /// <summary>The key of the last record.</summary>
    public string? LastKey { get; private set; }

    /// <summary>What went wrong; null for nothing.</summary>
    public string? Trouble { get; private set; }

    /// <summary>True while it polls.</summary>
    public bool IsRunning => _stop is not null;

    /// <summary>True while it fails every record, as a consumer with a fault would.</summary>
    public bool IsBroken { get; set; }

    /// <summary>Polls until it is stopped; a member that polls already goes on.</summary>
    /// <param name="left">Ends the call.</param>
    public void Start(CancellationToken left)
    {
        if (IsRunning)
            return;
        _stop = CancellationTokenSource.CreateLinkedTokenSource(left);
        _ = RunAsync(_stop.Token);
    }

    /// <summary>Leaves the group: the others get its partitions.</summary>
    public async Task StopAsync()
    {
        if (_stop is null)
            return;
        Dispose();
        Partitions = [];
        try
        {
            await api.DoAsync(HttpMethod.Delete, $"groups/{Text.Escape(group)}/members/{_id}");
        }
        catch (ApiException)
        {
            // Its lease ends by itself.
        }

        changed();
    }

    /// <summary>Ends its polls. The group notices when its lease ends.</summary>
    public void Dispose()
    {
        _stop?.Cancel();
        _stop?.Dispose();
        _stop = null;
    }

    private async Task RunAsync(CancellationToken stopped)
    {
        string? cursor = null;
        var failed = new JsonArray();
        while (!stopped.IsCancellationRequested)
        {
            try
            {
                (cursor, failed) = await PollAsync(cursor, failed, stopped);
                Trouble = null;
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (ApiException exception)
            {
                // It joins anew, and goes on where it had committed.
                (cursor, failed, Trouble) = (null, [], exception.Message);
                await Task.Delay(PauseAfterFailure, TimeProvider.System, CancellationToken.None);
            }

            changed();
        }
    }

    private async Task<(string? Cursor, JsonArray Failed)> PollAsync(string? cursor, JsonArray failed, CancellationToken stopped)
    {
        var poll = new JsonObject { ["topics"] = new JsonArray(topic), ["max_records"] = RecordsPerPoll, ["wait_ms"] = WaitMs, ["lease_ms"] = LeaseMs };
        if (cursor is not null)
            poll["cursor"] = cursor;
        if (failed.Count > 0)
            poll["failed"] = failed;
        var answer = await api.PostAsync($"groups/{Text.Escape(group)}/members/{_id}/poll", poll, stopped);
        using (answer)
        {
            var root = answer.RootElement;
            Partitions = [.. root.GetProperty("assignment").EnumerateArray()
                .Where(one => one.GetProperty("topic").GetString() == topic)
                .SelectMany(one => one.GetProperty("partitions").EnumerateArray().Select(partition => partition.GetInt32()))];
            var nextFailed = new JsonArray();
            foreach (var record in root.GetProperty("records").EnumerateArray())
            {
                LastKey = record.TryGetProperty("key", out var key) ? key.ToString() : null;
                if (!IsBroken)
                {
                    Processed++;
                    continue;
                }

                Failed++;
                nextFailed.Add((JsonNode)new JsonObject
                {
                    ["topic"] = record.GetProperty("topic").GetString(),
                    ["partition"] = record.GetProperty("partition").GetInt32(),
                    ["offset"] = record.GetProperty("offset").GetInt64(),
                    ["reason"] = $"{Name} is broken",
                });
            }

            return (root.GetProperty("cursor").GetString(), nextFailed);
        }
    }
}
