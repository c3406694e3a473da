using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Net;

namespace OrleansStream.Gateway.Security;

/// <summary>Counts sign-ins that failed, and answers them slower where one address has many. Whoever signs in rightly is never slowed.</summary>
/// <remarks>No secret can be found by trying, as each has 256 random bits; this bounds what those who try cost.</remarks>
public sealed class FailedSignIns : IDisposable
{
    /// <summary>The failures of an address, within <see cref="Window"/>, that are answered at once.</summary>
    public const int AnsweredAtOnceMax = 10;

    /// <summary>The time over which failures are counted.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromMinutes(1);

    /// <summary>How long the answer to a further failure takes.</summary>
    public static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    // As many IPv6 networks as an attacker likes: beyond it all start anew.
    private const int AddressesMax = 10_000;

    private readonly ConcurrentDictionary<IPAddress, Count> _counts = new();
    private readonly TimeProvider _time;
    private readonly Meter _meter = new("OrleansStream");
    private readonly Counter<long> _failures;

    /// <summary>Makes the counter.</summary>
    /// <param name="time">The clock.</param>
    public FailedSignIns(TimeProvider time)
    {
        _time = time;
        _failures = _meter.CreateCounter<long>("orleansstream.signin.failures", "{sign-in}", "Sign-ins that failed.");
    }

    /// <summary>Notes a failure, and waits where its address has many.</summary>
    /// <param name="address">From where it came; null when that is not known.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public ValueTask NoteAsync(IPAddress? address, CancellationToken cancellationToken)
    {
        _failures.Add(1);
        if (address is null)
            return default;
        if (_counts.Count >= AddressesMax)
            _counts.Clear();
        var now = _time.GetTimestamp();
        var count = _counts.AddOrUpdate(
            address, _ => new Count(now, 1),
            (_, known) => _time.GetElapsedTime(known.Since, now) >= Window ? new Count(now, 1) : known with { Failures = known.Failures + 1 });
        return count.Failures <= AnsweredAtOnceMax ? default : new ValueTask(Task.Delay(Pause, _time, cancellationToken));
    }

    /// <inheritdoc/>
    public void Dispose() => _meter.Dispose();

    private readonly record struct Count(long Since, int Failures);
}
