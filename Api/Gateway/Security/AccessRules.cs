using System.Collections.Frozen;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using OrleansStream.Errors;
using OrleansStream.Security;

namespace OrleansStream.Gateway.Security;

/// <summary>The keys and rights, as this node knows them: asked for every <see cref="AccessLimits.RefreshPeriod"/>, and used for <see cref="AccessLimits.RulesAgeMax"/> at most.</summary>
/// <remarks>
/// Beyond that age, and before the first answer, nobody is let in: whoever cannot ask might let in what was revoked. Safe for any thread.
/// Where nobody signs in it asks nobody.
/// </remarks>
public sealed partial class AccessRules : IDisposable
{
    /// <summary>The least time between two readings of the store for keys that are not known.</summary>
    internal static readonly TimeSpan UnknownKeyPause = TimeSpan.FromSeconds(1);

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

    /// <summary>Makes them. Nothing is asked for yet.</summary>
    /// <param name="grains">The way to what is stored.</param>
    /// <param name="options">Tells whether callers sign in, and who administers.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Where it is told that they cannot be had.</param>
    public AccessRules(IGrainFactory grains, IOptions<SecurityOptions> options, TimeProvider time, ILogger<AccessRules> logger)
    {
        (_grains, _time, _logger) = (grains, time, logger);
        _admins = options.Value.Admins.ToFrozenSet(StringComparer.Ordinal);
        IsOpen = !options.Value.RequiresSignIn;
    }

    /// <summary>True where nobody signs in: then everybody may do everything.</summary>
    public bool IsOpen { get; }

    /// <summary>Is raised after each question for keys and rights, answered or not: they may have changed, or become too old. Handlers must not throw.</summary>
    internal event Action? Asked;

    /// <summary>The rules, to be asked now; null when none are known, or they are too old: then it is <see cref="Unknown"/> who may do what.</summary>
    internal AccessRuleSet? Current => _known is { } known && _time.GetElapsedTime(known.AskedAt) < AccessLimits.RulesAgeMax ? known.Rules : null;

    /// <summary>Sees to it that there are rules. Doors call it before somebody signs in.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="StreamException">There are none to be had.</exception>
    public ValueTask EnsureAsync(CancellationToken cancellationToken) =>
        IsOpen || Current is not null ? default : new ValueTask(AskFirstAsync(cancellationToken));

    /// <summary>Reads what is stored, because this node has just changed it. If the store does not answer, the rules that are known stay in use.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    internal async Task RefreshNowAsync(CancellationToken cancellationToken)
    {
        try
        {
            await AskAsync(isFresh: true).WaitAsync(AccessLimits.RefreshTimeout, _time, cancellationToken);
        }
        catch (Exception e) when (IsLost(e))
        {
            // What is known stands, and the next question is not far.
            LogLost(_logger, e.Message);
        }
    }

    /// <summary>
    /// Reads what is stored, because somebody has a key that this node does not know: it may have been created a moment ago at another node. The store
    /// is read at most once in <see cref="UnknownKeyPause"/>, whoever comes with what; all who come before a reading begins wait for it together.
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
        if (_freshAt is { } before && UnknownKeyPause - _time.GetElapsedTime(before) is { Ticks: > 0 } left)
            await Task.Delay(left, _time);
        lock (_gate)
        {
            _freshAt = _time.GetTimestamp();
            // Whoever comes from now on may have a key that this reading does not find.
            _nextFresh = null;
        }

        await RefreshNowAsync(CancellationToken.None);
    }

    /// <summary>Notes that a key was used; it is told with the next question.</summary>
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
        catch (Exception e) when (IsLost(e))
        {
            throw new StreamException(Unknown());
        }
    }

    // All who come before the first answer wait for the same one.
    private Task StartAsking()
    {
        lock (_gate)
        {
            _timer ??= _time.CreateTimer(static rules => _ = ((AccessRules)rules!).RefreshAsync(), this, AccessLimits.RefreshPeriod, AccessLimits.RefreshPeriod);
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
            // Of two answers the one counts that was asked for later.
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

    private static bool IsLost(Exception exception) => exception is OrleansException or TimeoutException or StreamException;

    /// <summary>That it cannot be told who may do what.</summary>
    internal static StreamError Unknown() => new(
        StreamErrorCode.CoordinatorNotAvailable, "Who may do what cannot be told just now, as the store of keys and rights does not answer. Try again.");

    [LoggerMessage(Level = LogLevel.Warning, Message = "Keys and rights could not be read anew: {Reason}")]
    private static partial void LogLost(ILogger logger, string reason);

    private sealed record Known(AccessRuleSet Rules, long AskedAt);
}
