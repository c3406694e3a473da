using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Net;
using Microsoft.Extensions.Logging;

namespace OrleansStream.Gateway.Security;

/// <summary>
/// Counts sign-ins that failed, and answers them slower where one address has many, of which one line in a <see cref="Window"/> tells. Whoever signs in
/// rightly is never slowed.
/// </summary>
/// <remarks>No secret can be found by trying, as each has 256 random bits; this bounds what those who try cost.</remarks>
public sealed partial class FailedSignIns : IDisposable
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
    private readonly ILogger<FailedSignIns> _logger;
    private readonly Meter _meter = new("OrleansStream");
    private readonly Counter<long> _failures;

    /// <summary>Makes the counter.</summary>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Where an address is told that has many.</param>
    public FailedSignIns(TimeProvider time, ILogger<FailedSignIns> logger)
    {
        (_time, _logger) = (time, logger);
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
        if (count.Failures == AnsweredAtOnceMax)
            LogMany(_logger, address, count.Failures, (int)Window.TotalSeconds);
        return count.Failures <= AnsweredAtOnceMax ? default : new ValueTask(Task.Delay(Pause, _time, cancellationToken));
    }

    /// <inheritdoc/>
    public void Dispose() => _meter.Dispose();

    [LoggerMessage(Level = LogLevel.Warning, Message = "Sign-ins from {Address} fail: {Count} within {Seconds} s; further ones are answered slowly")]
    private static partial void LogMany(ILogger logger, IPAddress address, int count, int seconds);

    private readonly record struct Count(long Since, int Failures);
}
