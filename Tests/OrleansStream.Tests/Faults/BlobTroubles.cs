using System.Collections.Concurrent;
using OrleansStream.Tests.Storage;

namespace OrleansStream.Tests.Faults;

/// <summary>What a line to the store does to requests, by chance.</summary>
internal sealed record BlobTrouble(string Name)
{
    /// <summary>What happens to a request that is hit.</summary>
    public HttpFault Fault { get; init; }

    /// <summary>How many of a thousand requests are hit.</summary>
    public int Permille { get; init; } = 1_000;

    /// <summary>How long a request that is hit is held up first.</summary>
    public TimeSpan Delay { get; init; }

    /// <summary>Listings are answered as they were when they were last asked for.</summary>
    public bool ListsAreStale { get; init; }
}

/// <summary>The troubles that a line to the store has at the moment.</summary>
/// <param name="seed">Of what happens to which request.</param>
internal sealed class BlobTroubles(int seed)
{
    private readonly Random _random = new(seed);
    private readonly ConcurrentDictionary<string, byte[]> _lists = new(StringComparer.Ordinal);
    private volatile BlobTrouble[] _troubles = [];

    /// <summary>The line has this trouble too, until it is healed.</summary>
    public void Add(BlobTrouble trouble) => _troubles = [.. _troubles, trouble];

    /// <summary>That trouble is over.</summary>
    public void Heal(BlobTrouble trouble) => _troubles = [.. _troubles.Where(other => !ReferenceEquals(other, trouble))];

    /// <summary>What happens to the next request.</summary>
    public HttpFault NextFault() => Choose(_troubles.Where(trouble => trouble.Fault != HttpFault.None))?.Fault ?? HttpFault.None;

    /// <summary>Holds a request up, if that befalls it.</summary>
    public Task DelayAsync(CancellationToken cancellationToken) =>
        Choose(_troubles.Where(trouble => trouble.Delay > TimeSpan.Zero)) is { } slow
            ? Task.Delay(slow.Delay, TimeProvider.System, cancellationToken)
            : Task.CompletedTask;

    /// <summary>The old answer to a listing, when it has to do.</summary>
    public byte[]? FindOldList(string target) =>
        Array.Exists(_troubles, trouble => trouble.ListsAreStale) ? _lists.GetValueOrDefault(target) : null;

    /// <summary>Remembers the answer to a listing.</summary>
    public void Keep(string target, byte[] list) => _lists[target] = list;

    /// <summary>True for the target of a listing.</summary>
    public static bool IsList(string method, string target) => method == "GET" && target.Contains("comp=list", StringComparison.Ordinal);

    private BlobTrouble? Choose(IEnumerable<BlobTrouble> troubles)
    {
        lock (_random)
            return troubles.FirstOrDefault(trouble => _random.Next(1_000) < trouble.Permille);
    }
}
