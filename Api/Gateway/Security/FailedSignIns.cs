using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Net;
using Microsoft.Extensions.Logging;
using OrleansStream.Instrumentation;

namespace OrleansStream.Gateway.Security;

/// <summary>
/// Counts failed sign-ins, and delays their answers when one address has many; the log then has one line per <see cref="SignInLimits.FailureWindow"/>. Successful
/// sign-ins are never delayed.
/// </summary>
/// <remarks>A secret cannot be guessed, because it has 256 random bits. The delay bounds what the attempts cost the service.</remarks>
public sealed partial class FailedSignIns : IDisposable
{
    private readonly ConcurrentDictionary<IPAddress, Count> _counts = new();
    private readonly TimeProvider _time;
    private readonly ILogger<FailedSignIns> _logger;
    private readonly Meter _meter;
    private readonly Counter<long> _failures;

    /// <summary>Creates an instance.</summary>
    /// <param name="time">Times the window in which failures count, and the pause after them.</param>
    /// <param name="logger">The log, for addresses with many failures.</param>
    /// <param name="meters">Makes the meter.</param>
    public FailedSignIns(TimeProvider time, ILogger<FailedSignIns> logger, IMeterFactory? meters = null)
    {
        _meter = StreamTelemetry.MeterOf(meters);
        (_time, _logger) = (time, logger);
        _failures = _meter.CreateCounter<long>("orleansstream.signin.failures", "{sign-in}", "Sign-ins that failed.");
    }

    /// <summary>Counts a failure, and waits if its address has many.</summary>
    /// <param name="address">The client's address; null when it is not known.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public ValueTask NoteAsync(IPAddress? address, CancellationToken cancellationToken)
    {
        _failures.Add(1);
        if (address is null)
            return default;
        if (_counts.Count >= SignInLimits.FailingAddressesMax)
            _counts.Clear();
        var now = _time.GetTimestamp();
        var count = _counts.AddOrUpdate(
            address, _ => new Count(now, 1),
            (_, known) => _time.GetElapsedTime(known.Since, now) >= SignInLimits.FailureWindow
                ? new Count(now, 1)
                : known with { Failures = known.Failures + 1 });
        if (count.Failures == SignInLimits.FailuresAnsweredAtOnceMax)
            LogMany(_logger, address, count.Failures, (int)SignInLimits.FailureWindow.TotalSeconds);
        return count.Failures <= SignInLimits.FailuresAnsweredAtOnceMax
            ? default
            : new ValueTask(Task.Delay(SignInLimits.FailurePause, _time, cancellationToken));
    }

    /// <inheritdoc/>
    public void Dispose() => _meter.Dispose();

    [LoggerMessage(Level = LogLevel.Warning, Message = "Sign-ins from {Address} fail: {Count} within {Seconds} s; further ones are answered slowly")]
    private static partial void LogMany(ILogger logger, IPAddress address, int count, int seconds);

    private readonly record struct Count(long Since, int Failures);
}
