using System.Diagnostics;
using System.Net;
using System.Text.Json.Nodes;
using OrleansStream.Tests.History;
using OrleansStream.Tests.Support.Processes;

namespace OrleansStream.Tests.Support.Loads;

/// <summary>
/// A group at work over all nodes while its members die, come back, fall silent for longer than their lease and go on with what
/// they had in hand. Everyone writes down what they see.
/// </summary>
/// <remarks>
/// A member is a slot in which one process runs after another; to kill one is to end its request wherever that is. A process
/// goes to the next node when one does not answer, with the same cursor.
/// </remarks>
internal sealed class GroupLoad : IAsyncDisposable
{
    private const int RecordsPerRequest = 8;
    private const int RecordsPerPoll = 100;
    private const int PollWaitMs = 2_000;
    private static readonly TimeSpan ProducePause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan ErrorPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan TroublePause = TimeSpan.FromMilliseconds(300);
    private static readonly TimeSpan RequestTimeout = TimeSpan.FromSeconds(45);

    private readonly LoadedTopic _topic;
    private readonly GroupHistory _history;
    private readonly int _leaseMs;
    private readonly ServiceClient[] _clients;
    private readonly CancellationTokenSource _ended = new();
    private readonly CancellationTokenSource _produced = new();
    private readonly CancellationTokenSource?[] _lives;
    private readonly TimeSpan[] _silences;
    private readonly List<Task> _tasks = [];
    private readonly Task[] _producers;
    private readonly Lock _lock = new();
    private readonly Dictionary<string, int> _errors = [];
    private readonly Random _random = new(TestSeed.Value);
    private int _processes;
    private volatile bool _hasTrouble;

    public GroupLoad(IReadOnlyList<Uri> nodes, LoadedTopic topic, int members, int leaseMs, GroupHistory history)
    {
        (_topic, _leaseMs, _history) = (topic, leaseMs, history);
        _clients = [.. nodes.Select(node => new ServiceClient(node) { Http = { Timeout = RequestTimeout } })];
        _lives = new CancellationTokenSource?[members];
        _silences = new TimeSpan[members];
        _producers = [.. _clients.Select((client, i) => Task.Run(() => ProduceAsync(client, new Random(TestSeed.Value + i))))];
        _tasks.AddRange(Enumerable.Range(0, members).Select(slot => Task.Run(() => RunSlotAsync(slot))));
        _tasks.Add(Task.Run(TroubleAsync));
    }

    /// <summary>True while members are killed and silenced.</summary>
    public bool HasTrouble
    {
        get => _hasTrouble;
        set => _hasTrouble = value;
    }

    /// <summary>Per member the epoch and the partitions of its last answer.</summary>
    public IReadOnlyList<string> Standing => [.. _history.Polls
        .Where(poll => poll.Outcome == GroupPollOutcome.Accepted)
        .GroupBy(poll => poll.Member)
        .Select(polls => $"{polls.Key}: {Describe(polls.MaxBy(poll => poll.Sent)!)}")
        .Order(StringComparer.Ordinal)];

    /// <summary>Waits until every member has been answered since a moment, and all partitions are somebody's.</summary>
    public Task WaitUntilServedAsync(long since) => Wait.UntilAsync("every member is served and all partitions are", () =>
    {
        var last = _history.Polls.Where(poll => poll.Outcome == GroupPollOutcome.Accepted && poll.Sent > since)
            .GroupBy(poll => poll.Member).Select(polls => polls.MaxBy(poll => poll.Sent)!).ToList();
        return last.Count == _lives.Length && last.Sum(poll => poll.Assignment.Count) == _topic.Partitions;
    });

    /// <summary>Ends the trouble, waits until everything is delivered and committed, and ends the members.</summary>
    /// <returns>Per partition the committed offset.</returns>
    public Task<IReadOnlyDictionary<int, long>> SettleAsync() => SettleAsync(Wait.Patience);

    /// <inheritdoc cref="SettleAsync()"/>
    public async Task<IReadOnlyDictionary<int, long>> SettleAsync(TimeSpan patience)
    {
        _hasTrouble = false;
        await _produced.CancelAsync();
        await Task.WhenAll(_producers);
        await Wait.UntilAsync("all is delivered", () => Task.FromResult(_history.Undelivered.Count == 0), patience);
        IReadOnlyDictionary<int, long> committed = new Dictionary<int, long>();
        await Wait.UntilAsync("all is committed", async () =>
        {
            var lag = await _clients[0].GetAsync($"/v1/groups/{_topic.Group}/lag");
            committed = lag.Status != HttpStatusCode.OK ? committed : lag.Body!["partitions"]!.AsArray()
                .ToDictionary(one => (int)one!["partition"]!, one => (long?)one!["committed_offset"] ?? -1);
            return lag.Status == HttpStatusCode.OK && (long)lag.Body!["lag"]! == 0;
        }, patience);
        await _ended.CancelAsync();
        await Task.WhenAll(_tasks);
        return committed;
    }

    /// <summary>What happened, in words.</summary>
    public string Describe()
    {
        var polls = _history.Polls;
        var records = polls.Where(poll => poll.Outcome == GroupPollOutcome.Accepted).SelectMany(poll => poll.Records).ToList();
        lock (_lock)
        {
            return $"{_history.AckedCount} records acknowledged, {records.Distinct().Count()} delivered, {records.Count - records.Distinct().Count()} of them again; "
                + $"{_processes} processes of {_lives.Length} members; polls: " + string.Join(", ", polls.CountBy(poll => poll.Outcome).Select(one => $"{one.Value} {one.Key}"))
                + $"; the longest took {polls.Where(poll => poll.Ended < long.MaxValue).Max(poll => Stopwatch.GetElapsedTime(poll.Sent, poll.Ended)).TotalSeconds:F1} s"
                + $"; errors: {string.Join(", ", _errors.OrderBy(error => error.Key, StringComparer.Ordinal).Select(error => $"{error.Value} x {error.Key}").DefaultIfEmpty("none"))}";
        }
    }

    /// <summary>How often a poll was answered with an error that is no 409.</summary>
    public int PollErrorCount
    {
        get
        {
            lock (_lock)
                return _errors.Where(error => error.Key.StartsWith("poll 5", StringComparison.Ordinal)).Sum(error => error.Value);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _produced.CancelAsync();
        await _ended.CancelAsync();
        await Task.WhenAll([.. _tasks, .. _producers]).ContinueWith(_ => { }, TaskScheduler.Default);
        foreach (var client in _clients)
            client.Dispose();
        _produced.Dispose();
        _ended.Dispose();
    }

    private static string Describe(GroupPollEvent poll) => $"epoch {poll.Epoch} with {string.Join(',', poll.Assignment.Order())}";

    private async Task ProduceAsync(ServiceClient client, Random random)
    {
        while (!_produced.IsCancellationRequested)
        {
            var body = new JsonObject
            {
                ["records"] = new JsonArray([.. Enumerable.Range(0, RecordsPerRequest).Select(
                    _ => new JsonObject { ["partition"] = random.Next(_topic.Partitions), ["value"] = 1 })]),
            };
            if (await TryAsync("produce", () => client.PostAsync($"/v1/topics/{_topic.Name}/records", body)) is { Status: HttpStatusCode.OK } answer)
            {
                foreach (var place in ServiceClient.PlacesOf(answer))
                    _history.Acked(place);
            }

            await Pacing.Real.PassAsync(ProducePause, CancellationToken.None);
        }
    }

    private async Task RunSlotAsync(int slot)
    {
        var random = new Random(TestSeed.Value + slot);
        while (!_ended.IsCancellationRequested)
        {
            using var life = CancellationTokenSource.CreateLinkedTokenSource(_ended.Token);
            _lives[slot] = life;
            await new Process(this, slot, Interlocked.Increment(ref _processes)).RunAsync(life.Token);
            _lives[slot] = null;
            // Half of the time it is back before its lease has ended.
            await Pacing.Real.PassAtMostAsync(TimeSpan.FromMilliseconds(random.Next(2 * _leaseMs)), _ended.Token);
        }
    }

    // Kills, silences for longer than a lease.
    private async Task TroubleAsync()
    {
        while (!_ended.IsCancellationRequested)
        {
            await Pacing.Real.PassAtMostAsync(TroublePause, _ended.Token);
            var slot = _random.Next(_lives.Length);
            if (!_hasTrouble)
                continue;
            if (_random.Next(2) == 0)
                await Task.Run(() => TryKill(slot));
            else
                _silences[slot] = TimeSpan.FromMilliseconds(_leaseMs * 1.5);
        }
    }

    private void TryKill(int slot)
    {
        try
        {
            _lives[slot]?.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // It has just ended by itself.
        }
    }

    private async Task<Answer?> TryAsync(string what, Func<Task<Answer>> sendAsync)
    {
        try
        {
            var answer = await sendAsync();
            if (answer.Status is not (HttpStatusCode.OK or HttpStatusCode.Conflict))
                Count($"{what} {(int)answer.Status} {answer.ErrorCode}");
            return answer;
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException or OperationCanceledException)
        {
            Count($"{what} {exception.GetType().Name}");
            return null;
        }
    }

    private void Count(string error)
    {
        lock (_lock)
            _errors[error] = _errors.GetValueOrDefault(error) + 1;
    }

    /// <summary>One process of a member: polls, and what it was given is done with when it polls again.</summary>
    private sealed class Process(GroupLoad load, int slot, int number)
    {
        private readonly string _member = $"m{slot:D2}";
        private readonly Dictionary<int, long> _done = [];
        private int _moves;
        private string? _cursor;
        private long _epoch;

        public async Task RunAsync(CancellationToken killed)
        {
            while (!killed.IsCancellationRequested)
            {
                var silence = load._silences[slot];
                load._silences[slot] = TimeSpan.Zero;
                await Pacing.Real.PassAtMostAsync(silence, killed);
                var poll = new GroupPollEvent(_member, number, Stopwatch.GetTimestamp(), _epoch, new Dictionary<int, long>(_done));
                load._history.Sent(poll);
                var answer = await load.TryAsync("poll", () => SendAsync(killed));
                if (killed.IsCancellationRequested)
                    return;
                if (answer?.Status == HttpStatusCode.OK)
                    Accept(poll, answer.Body!);
                else if (answer?.Status == HttpStatusCode.Conflict && !Refuse(poll, answer.Body!))
                    return;
                else if (answer?.Status is null or not HttpStatusCode.Conflict)
                    await GoElsewhereAsync();
            }
        }

        private Task<Answer> SendAsync(CancellationToken killed)
        {
            var body = new JsonObject
            {
                ["topics"] = new JsonArray(load._topic.Name),
                ["wait_ms"] = PollWaitMs,
                ["lease_ms"] = load._leaseMs,
                ["max_records"] = RecordsPerPoll,
                ["cursor"] = _cursor,
            };
            return load._clients[(number + _moves) % load._clients.Length].SendAsync(
                HttpMethod.Post, $"/v1/groups/{load._topic.Group}/members/{_member}/poll", ServiceClient.Json(body), killed);
        }

        private void Accept(GroupPollEvent poll, JsonNode answer)
        {
            _cursor = (string)answer["cursor"]!;
            _epoch = (long)answer["member_epoch"]!;
            poll.Ended = Stopwatch.GetTimestamp();
            poll.Epoch = _epoch;
            poll.Assignment = [.. answer["assignment"]!.AsArray().SelectMany(topic => topic!["partitions"]!.AsArray().Select(one => (int)one!))];
            poll.Records = [.. answer["records"]!.AsArray().Select(one => new Place((int)one!["partition"]!, (long)one["offset"]!))];
            foreach (var partition in _done.Keys.Except(poll.Assignment).ToArray())
                _done.Remove(partition);
            foreach (var place in poll.Records)
                _done[place.Partition] = place.Offset + 1;
            poll.Outcome = GroupPollOutcome.Accepted;
        }

        // False when another process has taken the member's place.
        private bool Refuse(GroupPollEvent poll, JsonNode problem)
        {
            poll.Ended = Stopwatch.GetTimestamp();
            poll.Outcome = GroupPollOutcome.Refused;
            _cursor = (string?)problem["cursor"];
            _epoch = (long?)problem["member_epoch"] ?? 0;
            _done.Clear();
            return _cursor is not null;
        }

        private Task GoElsewhereAsync()
        {
            _moves++;
            return Pacing.Real.PassAsync(ErrorPause, CancellationToken.None);
        }
    }
}

/// <summary>A group and the one topic that it reads.</summary>
internal sealed record LoadedTopic(string Group, string Name, int Partitions);
