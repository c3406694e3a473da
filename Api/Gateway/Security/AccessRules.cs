using System.Collections.Frozen;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using OrleansStream.Errors;
using OrleansStream.Instrumentation;
using OrleansStream.Security;

namespace OrleansStream.Gateway.Security;

/// <summary>
/// This node's copy of the keys and rights. It is refreshed every <see cref="AccessLimits.RefreshPeriod"/>, and used for
/// <see cref="AccessLimits.RulesAgeMax"/> at most.
/// </summary>
/// <remarks>
/// Without a copy, or with an older one, the node refuses every caller, because it may have missed a revocation. Where no way to sign in is
/// configured, nothing is read. Safe for any thread.
/// </remarks>
public sealed partial class AccessRules : IDisposable
{
    private readonly IGrainFactory _grains;
    private readonly TimeProvider _time;
    private readonly ILogger<AccessRules> _logger;
    private readonly FrozenSet<string> _admins;
    private readonly Lock _gate = new();
    private readonly HashSet<string> _used = new(StringComparer.Ordinal);
    private Known? _known;
    private Task? _refresh;
    private ITimer? _timer;
    private Task? _nextFresh;
    private long? _freshAt;

    /// <summary>Creates an instance. The first use reads the keys and rights.</summary>
    /// <param name="grains">Gets the grain of the stored keys and rights.</param>
    /// <param name="options">How callers sign in, and the administrators of the settings.</param>
    /// <param name="time">Tells how old the rules are, and when to ask for them again.</param>
    /// <param name="logger">The log, for failed reads.</param>
    public AccessRules(IGrainFactory grains, IOptions<SecurityOptions> options, TimeProvider time, ILogger<AccessRules> logger)
    {
        (_grains, _time, _logger) = (grains, time, logger);
        _admins = options.Value.Admins.ToFrozenSet(StringComparer.Ordinal);
        IsOpen = !options.Value.RequiresSignIn;
    }

    /// <summary>True when no way to sign in is configured, so that everybody may do everything.</summary>
    public bool IsOpen { get; }

    /// <summary>
    /// Is raised after each attempt to read the keys and rights: they may have changed, or have become too old. Handlers must not throw.
    /// </summary>
    internal event Action? Asked;

    /// <summary>
    /// The current keys and rights; null when none were read, or the copy is too old. Callers are then refused with <see cref="Unknown"/>.
    /// </summary>
    internal AccessRuleSet? Current => _known is { } known && _time.GetElapsedTime(known.AskedAt) < AccessLimits.RulesAgeMax ? known.Rules : null;

    /// <summary>Reads the keys and rights if there is no usable copy. Doors call it before a sign-in.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="StreamException">They cannot be read.</exception>
    public ValueTask EnsureAsync(CancellationToken cancellationToken) =>
        IsOpen || Current is not null ? default : new ValueTask(AskFirstAsync(cancellationToken));

    /// <summary>
    /// Reads what is stored, because this node has just changed it. If the store does not answer, the rules that are known stay in use.
    /// </summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    internal async Task RefreshNowAsync(CancellationToken cancellationToken)
    {
        try
        {
            await AskAsync(isFresh: true).WaitAsync(AccessLimits.RefreshTimeout, _time, cancellationToken);
        }
        catch (Exception e) when (IsLost(e, cancellationToken))
        {
            // The copy stays in use, and the timer reads again soon.
            LogLost(_logger, e.Message);
        }
    }

    /// <summary>
    /// Reads what is stored, because somebody has a key that this node does not know: it may have been created a moment ago at another node. The
    /// store is read at most once in <see cref="SignInLimits.UnknownKeyPause"/>, whoever comes with what; all who come before a reading begins wait for it
    /// together.
    /// </summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    internal Task RefreshForUnknownKeyAsync(CancellationToken cancellationToken)
    {
        Task asking;
        lock (_gate)
            asking = _nextFresh ??= AskInTurnAsync();
        return asking.WaitAsync(cancellationToken);
    }

    private async Task AskInTurnAsync()
    {
        // The caller holds the lock until it has this task.
        await Task.Yield();
        if (_freshAt is { } before && SignInLimits.UnknownKeyPause - _time.GetElapsedTime(before) is { Ticks: > 0 } left)
            await Task.Delay(left, _time);
        lock (_gate)
        {
            _freshAt = _time.GetTimestamp();
            // Whoever comes from now on may have a key that this reading does not find.
            _nextFresh = null;
        }

        await RefreshNowAsync(CancellationToken.None);
    }

    /// <summary>Notes that a key was used. The next refresh stores it.</summary>
    /// <param name="key">The key.</param>
    internal void NoteUse(ApiKey key)
    {
        if (key.LastUsedAt is { } lastUsed && _time.GetUtcNow() - lastUsed < AccessLimits.LastUsedStep)
            return;
        lock (_gate)
            _used.Add(key.Id);
    }

    /// <inheritdoc/>
    public void Dispose() => _timer?.Dispose();

    private IAccessGrain Grain => _grains.GetGrain<IAccessGrain>(IAccessGrain.Key);

    private async Task AskFirstAsync(CancellationToken cancellationToken)
    {
        try
        {
            await StartAsking().WaitAsync(AccessLimits.RefreshTimeout, _time, cancellationToken);
        }
        catch (Exception e) when (IsLost(e, cancellationToken))
        {
            throw new StreamException(Unknown());
        }
    }

    // All who come before the first answer wait for the same read.
    private Task StartAsking()
    {
        lock (_gate)
        {
            _timer ??= OutsideRequest.CreateTimer(
                _time, static rules => _ = ((AccessRules)rules!).RefreshAsync(), this, AccessLimits.RefreshPeriod, AccessLimits.RefreshPeriod);
            return _refresh is { IsCompleted: false } ? _refresh : _refresh = AskAsync(isFresh: false);
        }
    }

    private async Task RefreshAsync()
    {
        try
        {
            await AskAsync(isFresh: false).WaitAsync(AccessLimits.RefreshTimeout, _time);
            await TellUseAsync();
        }
        catch (Exception e) when (IsLost(e))
        {
            LogLost(_logger, e.Message);
            Asked?.Invoke();
        }
    }

    private async Task AskAsync(bool isFresh)
    {
        var askedAt = _time.GetTimestamp();
        var response = await Grain.ReadAsync(_known?.Rules.Version, isFresh);
        lock (_gate)
        {
            // Of two answers the one whose read began later counts.
            if (_known is { } known && known.AskedAt > askedAt)
                return;
            _known = response.Rules is { } rules ? new Known(new AccessRuleSet(response.Version, rules, _admins), askedAt)
                : _known?.Rules.Version == response.Version ? _known with { AskedAt = askedAt } : _known;
        }

        Asked?.Invoke();
    }

    private async Task TellUseAsync()
    {
        string[] used;
        lock (_gate)
        {
            used = [.. _used];
            _used.Clear();
        }

        if (used.Length > 0)
            await Grain.NoteUseAsync([.. used]);
    }

    private static bool IsLost(Exception exception, CancellationToken cancellationToken = default) =>
        LostCalls.IsLost(exception, cancellationToken) || exception is StreamException;

    /// <summary>The error for callers while the keys and rights are not known.</summary>
    internal static StreamError Unknown() => new(
        StreamErrorCode.CoordinatorNotAvailable,
        "Who may do what cannot be told just now, as the store of keys and rights does not answer. Try again.");

    [LoggerMessage(Level = LogLevel.Warning, Message = "Keys and rights could not be read anew: {Reason}")]
    private static partial void LogLost(ILogger logger, string reason);

    private sealed record Known(AccessRuleSet Rules, long AskedAt);
}
