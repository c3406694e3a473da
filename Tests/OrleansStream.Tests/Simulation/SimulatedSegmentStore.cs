using System.Runtime.CompilerServices;
using OrleansStream.Storage;

namespace OrleansStream.Tests.Simulation;

/// <summary>One process's view of the world's segments, through a link that loses, delays and fails.</summary>
internal sealed class SimulatedSegmentStore(SimulatedWorld world, SimulatedLink link) : ISegmentStore
{
    private readonly Dictionary<(string Name, long Position), OpenAppend> _appends = [];

    public SegmentStoreLimits Limits => world.Limits;

    /// <summary>The kind of the crash that may come, which decides what is left of an append under way.</summary>
    public CrashKind CrashKind { get; set; }

    public ValueTask<bool> CreateAsync(string name, CancellationToken cancellationToken = default) =>
        link.WriteAsync("create", 0, () => world.Create(name), null, null, cancellationToken);

    public ValueTask<AppendOutcome> AppendAsync(
        string name, long expectedPosition, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken = default)
    {
        CheckLength(bytes);
        var sent = bytes.ToArray();
        CheckOnePayload(name, expectedPosition, sent);
        return TrackAsync(name, expectedPosition, sent, SendAsync(name, expectedPosition, bytes, sent, cancellationToken));
    }

    public ValueTask<AppendOutcome> AppendAnywhereAsync(
        string name, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken = default)
    {
        CheckLength(bytes);
        return SendAsync(name, null, bytes, bytes.ToArray(), cancellationToken);
    }

    public async ValueTask SealAsync(string name, CancellationToken cancellationToken = default) =>
        await link.WriteAsync("seal", world.OrdinalOf(name), Do(() => world.Seal(name)), null, null, cancellationToken)
            .ConfigureAwait(false);

    public ValueTask<int> ReadAsync(
        string name, long position, Memory<byte> destination, CancellationToken cancellationToken = default) =>
        link.ReadAsync(
            "read", world.OrdinalOf(name),
            () => link.Rates.StaleRead > 0 && link.Random.Chance(link.Rates.StaleRead)
                ? world.ReadStale(name, position, destination.Span)
                : world.Read(name, position, destination.Span),
            cancellationToken);

    public ValueTask<SegmentExtent?> GetExtentAsync(string name, CancellationToken cancellationToken = default) =>
        link.ReadAsync("extent", world.OrdinalOf(name), () => world.ExtentOf(name), cancellationToken);

    public ValueTask<SegmentExtent> SettleAsync(string name, long length, CancellationToken cancellationToken = default) =>
        link.WriteAsync(
            "settle", world.OrdinalOf(name), () => world.Settle(name, length), null, null, cancellationToken);

    public async IAsyncEnumerable<SegmentInfo> ListAsync(
        string prefix, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var found = await link.ReadAsync("list", 0, () => world.ListSegments(prefix), cancellationToken)
            .ConfigureAwait(false);
        foreach (var segment in found)
            yield return segment;
    }

    public async ValueTask DeleteAsync(string name, CancellationToken cancellationToken = default) =>
        await link.WriteAsync(
            "delete", world.OrdinalOf(name), Do(() => world.DeleteSegment(name)), null, null, cancellationToken)
            .ConfigureAwait(false);

    private static Func<bool> Do(Action action) => () =>
    {
        action();
        return true;
    };

    private ValueTask<AppendOutcome> SendAsync(
        string name, long? position, ReadOnlyMemory<byte> bytes, byte[] sent, CancellationToken cancellationToken)
    {
        var fate = link.Random.Next(1000);
        AppendOutcome Effect()
        {
            if (fate < link.Rates.StoreFull)
                return new AppendOutcome(AppendStatus.StoreFull, -1);
            return fate < link.Rates.StoreFull + link.Rates.Broken
                ? world.Break(name, position, sent)
                : world.Append(name, position, sent);
        }

        var answer = link.WriteAsync(
            position is null ? "fence" : "append", world.OrdinalOf(name), Effect,
            () => new AppendOutcome(AppendStatus.Unknown, -1),
            () => world.Tear(name, position, sent, CrashKind), cancellationToken);
        return answer.IsCompleted ? answer : CheckUnchangedAsync(answer, bytes, sent);
    }

    // A caller that reuses its buffer while a request is under way stores other bytes than it is told were stored.
    private async ValueTask<AppendOutcome> CheckUnchangedAsync(
        ValueTask<AppendOutcome> answer, ReadOnlyMemory<byte> bytes, byte[] sent)
    {
        var outcome = await answer.ConfigureAwait(false);
        if (!bytes.Span.SequenceEqual(sent))
            world.Findings.Report("one payload", "the bytes of an append changed while it was under way");
        return outcome;
    }

    private void CheckLength(ReadOnlyMemory<byte> bytes)
    {
        if (bytes.Length == 0 || bytes.Length > Limits.AppendBytesMax)
            world.Findings.Report("bounds", $"an append of {bytes.Length} bytes, where 1 to {Limits.AppendBytesMax} are taken");
    }

    // While it is open what became of an append, nothing else may be sent to the same position.
    private void CheckOnePayload(string name, long position, byte[] sent)
    {
        if (_appends.TryGetValue((name, position), out var other) && other.IsOpen && !other.Bytes.SequenceEqual(sent))
        {
            world.Findings.Report(
                "one payload", $"other bytes were sent to position {position} while those before were unresolved");
        }
    }

    private async ValueTask<AppendOutcome> TrackAsync(
        string name, long position, byte[] sent, ValueTask<AppendOutcome> answer)
    {
        if (!_appends.TryGetValue((name, position), out var append) || !append.Bytes.SequenceEqual(sent))
            _appends[(name, position)] = append = new OpenAppend(sent);
        append.UnderWay++;
        var outcome = await answer.ConfigureAwait(false);
        append.UnderWay--;
        append.IsUnknown |= outcome.Status == AppendStatus.Unknown;
        return outcome;
    }

    private sealed class OpenAppend(byte[] bytes)
    {
        public byte[] Bytes => bytes;

        public int UnderWay { get; set; }

        public bool IsUnknown { get; set; }

        public bool IsOpen => UnderWay > 0 || IsUnknown;
    }
}
