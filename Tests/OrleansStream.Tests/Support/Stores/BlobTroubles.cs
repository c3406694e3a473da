using System.Collections.Concurrent;
using System.Text;
using System.Text.RegularExpressions;

namespace OrleansStream.Tests.Support.Stores;

/// <summary>What a line to the store does to requests, by chance.</summary>
internal sealed class BlobTrouble
{
    private int _hits;

    /// <summary>What happens to a request that is hit.</summary>
    public HttpFault Fault { get; init; }

    /// <summary>How many of a thousand requests are hit.</summary>
    public int Permille { get; init; } = 1_000;

    /// <summary>How long a request that is hit is held up first.</summary>
    public TimeSpan Delay { get; init; }

    /// <summary>Listings are answered as they were when they were last asked for.</summary>
    public bool ListsAreStale { get; init; }

    /// <summary>How many requests it has hit so far: that it does anything at all.</summary>
    public int Hits => _hits;

    /// <summary>It has hit one more.</summary>
    public void Hit() => Interlocked.Increment(ref _hits);
}

/// <summary>The troubles that a line to the store has at the moment.</summary>
/// <param name="seed">Of what happens to which request.</param>
internal sealed partial class BlobTroubles(int seed)
{
    private readonly Random _random = new(seed);
    private readonly ConcurrentDictionary<string, byte[]> _lists = new(StringComparer.Ordinal);
    private volatile BlobTrouble[] _troubles = [];
    private int _requests;

    /// <summary>How many requests have come so far.</summary>
    public int RequestCount => _requests;

    /// <summary>The line has this trouble too, until it is healed.</summary>
    public void Add(BlobTrouble trouble) => _troubles = [.. _troubles, trouble];

    /// <summary>That trouble is over.</summary>
    public void Heal(BlobTrouble trouble) => _troubles = [.. _troubles.Where(other => !ReferenceEquals(other, trouble))];

    /// <summary>What happens to the next request.</summary>
    public HttpFault NextFault()
    {
        Interlocked.Increment(ref _requests);
        return Choose(_troubles.Where(trouble => trouble.Fault != HttpFault.None))?.Fault ?? HttpFault.None;
    }

    /// <summary>Holds a request up, if that befalls it.</summary>
    public Task DelayAsync(CancellationToken cancellationToken) =>
        Choose(_troubles.Where(trouble => trouble.Delay > TimeSpan.Zero)) is { } slow
            ? Pacing.Real.PassAsync(slow.Delay, cancellationToken)
            : Task.CompletedTask;

    /// <summary>
    /// What a listing is answered with: the truth; as long as lists are stale what this line last told of it, and nothing where it never did.
    /// </summary>
    /// <param name="target">What is listed.</param>
    /// <param name="list">The truth.</param>
    public byte[] ListFor(string target, byte[] list)
    {
        if (Array.Find(_troubles, trouble => trouble.ListsAreStale) is not { } stale)
            return _lists[target] = list;
        var old = _lists.GetOrAdd(target, _ => Encoding.UTF8.GetBytes(AllBlobs().Replace(Encoding.UTF8.GetString(list), "<Blobs />")));
        if (!list.AsSpan().SequenceEqual(old))
            stale.Hit();
        return old;
    }

    /// <summary>True for the target of a listing.</summary>
    public static bool IsList(string method, string target) => method == "GET" && target.Contains("comp=list", StringComparison.Ordinal);

    [GeneratedRegex("<Blobs>.*</Blobs>", RegexOptions.Singleline)]
    private static partial Regex AllBlobs();

    private BlobTrouble? Choose(IEnumerable<BlobTrouble> troubles)
    {
        BlobTrouble? chosen;
        lock (_random)
            chosen = troubles.FirstOrDefault(trouble => _random.Next(1_000) < trouble.Permille);
        chosen?.Hit();
        return chosen;
    }
}
