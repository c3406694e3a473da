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
    private readonly IGrainFactory _grains;
    private readonly TimeProvider _time;
    private readonly ILogger<AccessRules> _logger;
    private readonly FrozenSet<string> _admins;
    private readonly Lock _gate = new();
    private readonly HashSet<string> _used = new(StringComparer.Ordinal);
    private Known? _known;
    private Task? _refresh;
    private ITimer? _timer;
    private long _freshAt;

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

    /// <summary>The rules, to be asked now; null when none are known, or they are too old: then it is <see cref="Unknown"/> who may do what.</summary>
    internal AccessRuleSet? Current => _known is { } known && _time.GetElapsedTime(known.AskedAt) < AccessLimits.RulesAgeMax ? known.Rules : null;

    /// <summary>Sees to it that there are rules. Doors call it before somebody signs in.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="StreamException">There are none to be had.</exception>
    public ValueTask EnsureAsync(CancellationToken cancellationToken) =>
        IsOpen || Current is not null ? default : new ValueTask(AskFirstAsync(cancellationToken));

    /// <summary>Asks anew what is stored, since this node has changed it, or somebody comes with a key that is not known yet.</summary>
    /// <param name="isChanged">True when it is known to have changed; else it is asked at most once a second, whoever comes with what.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    internal async Task RefreshNowAsync(bool isChanged, CancellationToken cancellationToken)
    {
        if (!isChanged)
        {
            lock (_gate)
            {
                if (_freshAt != 0 && _time.GetElapsedTime(_freshAt) < UnknownKeyPause)
                    return;
                _freshAt = _time.GetTimestamp();
            }
        }

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

    private static readonly TimeSpan UnknownKeyPause = TimeSpan.FromSeconds(1);

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
