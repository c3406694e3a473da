using OrleansStream.Errors;
using OrleansStream.Log;
using OrleansStream.Log.Contract;
using OrleansStream.Log.Resources;
using OrleansStream.Storage.Memory;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Stores;

namespace OrleansStream.Tests.Log;

/// <summary>
/// Eight partitions of one process under steady load, in virtual time. The store of half of them is well, then slow (500 ms an
/// append), then dead for 30 s, then well again; the other half's is well all along.
/// </summary>
public sealed class OverloadTests
{
    private const int PartitionCount = 8;
    private const long PendingMax = 4 * 1024 * 1024;
    private static readonly TimeSpan SendEvery = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan SlowFrom = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan DeadFrom = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan WellFrom = TimeSpan.FromSeconds(50);
    private static readonly TimeSpan LoadEnds = TimeSpan.FromSeconds(60);
    private readonly SimulatedTime _time = new();
    private readonly List<Sent> _sent = [];
    private long _pendingPeak;

    [Fact]
    public async Task Append_WhenHalfOfTheStoresAreSlowThenDeadThenWell_HoldsEveryPromise()
    {
        var resources = new LogResources(_time, PendingMax);
        var (segments, documents) = (new MemorySegmentStore(timeProvider: _time), new MemoryDocumentStore());
        var ill = new PacedSegmentStore(segments, _time) { AppendTime = TimeSpan.FromMilliseconds(5) };
        var well = new PacedSegmentStore(segments, _time) { AppendTime = TimeSpan.FromMilliseconds(5) };
        var logs = new List<PartitionLog>();
        for (var i = 0; i < PartitionCount; i++)
        {
            logs.Add(await PartitionLog.OpenAsync(
                $"t/{i}", "owner", new LogOptions(), IsIll(i) ? ill : well, documents, _time, resources, TestContext.Current.CancellationToken));
            Send(logs[i], i, resources, number: 0);
        }

        _time.Schedule(SlowFrom, () => ill.AppendTime = TimeSpan.FromMilliseconds(500));
        _time.Schedule(DeadFrom, () => ill.IsDead = true);
        _time.Schedule(WellFrom, () => (ill.IsDead, ill.AppendTime) = (false, TimeSpan.FromMilliseconds(5)));
        _time.RunUntil(() => _time.Elapsed > LoadEnds && _sent.TrueForAll(sent => sent.Result.IsCompleted), TimeSpan.FromMinutes(3));

        Assert.All(_sent, sent => Assert.True(sent.Result.IsCompleted, "An append was never answered."));
        AssertBounded();
        AssertOthersAreNotHeldUp();
        for (var i = 0; i < PartitionCount; i++)
            await AssertStoredOnceAsync(logs[i], i);
        Assert.Equal(0, resources.PendingBytes);
    }

    private static bool IsIll(int partition) => partition < PartitionCount / 2;

    private void AssertBounded()
    {
        Assert.InRange(_pendingPeak, PendingMax / 2, PendingMax);
        var refused = _sent.Where(sent => sent.Error?.Code == StreamErrorCode.ThrottlingQuotaExceeded).ToList();
        Assert.NotEmpty(refused);
        Assert.All(refused, sent =>
        {
            Assert.Equal(sent.At, sent.AnsweredAt); // told at once
            Assert.False(sent.Error!.OutcomeUnknown);
            Assert.InRange(sent.Error.RetryAfter!.Value, TimeSpan.FromMilliseconds(50), LogLimits.AppendWaitMax);
        });

        // A store that has not answered for long is not expected back at once.
        var late = refused.Where(sent => sent.At > WellFrom - TimeSpan.FromSeconds(5) && sent.At < WellFrom).ToList();
        Assert.NotEmpty(late);
        Assert.All(late, sent => Assert.True(sent.Error!.RetryAfter > TimeSpan.FromSeconds(10), $"{sent.Error.RetryAfter}"));
    }

    private void AssertOthersAreNotHeldUp()
    {
        var others = _sent.Where(sent => !IsIll(sent.Partition)).ToList();
        Assert.All(others, sent => Assert.Null(sent.Error));
        var calm = Percentile99(others.Where(sent => sent.At < SlowFrom));
        var storm = Percentile99(others.Where(sent => sent.At >= SlowFrom && sent.At < WellFrom));
        Assert.True(storm <= 2 * calm, $"The 99th percentile of the others was {calm}, and {storm} beside the stuck ones.");
    }

    private async Task AssertStoredOnceAsync(PartitionLog log, int partition)
    {
        var stored = (await log.ReadValuesAsync()).Select(value => value.TrimEnd('x')).ToList();
        Assert.Equal(stored.Count, stored.Distinct(StringComparer.Ordinal).Count());
        var there = stored.ToHashSet(StringComparer.Ordinal);
        foreach (var sent in _sent.Where(sent => sent.Partition == partition))
        {
            if (sent.Error is null)
                Assert.Contains(sent.Name, there);
            else if (!sent.Error.OutcomeUnknown)
                Assert.DoesNotContain(sent.Name, there);
        }
    }

    private static TimeSpan Percentile99(IEnumerable<Sent> sent)
    {
        var times = sent.Select(one => one.AnsweredAt - one.At).Order().ToList();
        return times[times.Count * 99 / 100];
    }

    private void Send(PartitionLog log, int partition, LogResources resources, int number)
    {
        if (_time.Elapsed > LoadEnds)
            return;
        var sent = new Sent(partition, $"{partition}-{number}-", _time.Elapsed);
        _sent.Add(sent);
        sent.Result = RunAsync(log, sent);
        _pendingPeak = Math.Max(_pendingPeak, resources.PendingBytes);
        _time.Schedule(SendEvery, () => Send(log, partition, resources, number + 1));
    }

    private async Task RunAsync(PartitionLog log, Sent sent)
    {
        sent.Error = (await log.PutAsync(TestBatch.Of(sent.Name + new string('x', 1000)))).Error;
        sent.AnsweredAt = _time.Elapsed;
    }

    private sealed record Sent(int Partition, string Name, TimeSpan At)
    {
        public Task Result { get; set; } = Task.CompletedTask;

        public LogError? Error { get; set; }

        public TimeSpan AnsweredAt { get; set; }
    }
}
