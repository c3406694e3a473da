using OrleansStream.Client.Connections;

namespace OrleansStream.Client.Consuming;

/// <summary>
/// A member's lease: it is renewed while records are worked on, and given up by leaving. When it has passed by the member's own clock, the partitions
/// are lost, whether the service can be asked or not: others may have them.
/// </summary>
internal sealed partial class GroupMember
{
    private long _renewedAt;

    // Without its epoch a member is taken out only if nobody else has its id.
    private bool CanLeave => _epoch is not null || (_mayHaveJoined && _options.MemberId is null);

    private TimeSpan LeaseLeft => _options.Lease - Time.GetElapsedTime(Interlocked.Read(ref _renewedAt));

    /// <summary>Renews the lease until it is stopped, or the member has lost its partitions.</summary>
    /// <param name="lost">Cancelled when the partitions are lost.</param>
    /// <param name="progress">The work on the last answer, of which nothing counts then.</param>
    /// <param name="stopped">Stops it. A renewal that has been sent is waited for, so that its cursor counts.</param>
    /// <param name="givenUp">Stops it, and ends a renewal that has been sent.</param>
    public async Task KeepAliveAsync(CancellationTokenSource lost, AnswerProgress progress, CancellationToken stopped, CancellationToken givenUp)
    {
        var pause = _options.Lease / ConsumerLimits.RenewalsPerLease;
        var failures = 0;
        while (true)
        {
            var wait = failures == 0 ? pause : Shorter(pause, Backoff.After(failures - 1));
            await Task.Delay(AtMostLeft(wait), Time, stopped).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (stopped.IsCancellationRequested)
                return;
            if (LeaseLeft <= TimeSpan.Zero)
            {
                await LoseAsync(lost, progress, GoOnAnew).ConfigureAwait(false);
                return;
            }

            try
            {
                await AskAsync(Poll(0, commit: false), AtMostLeft(pause), isRenewal: true, givenUp).ConfigureAwait(false);
                failures = 0;
            }
            catch (OperationCanceledException) when (givenUp.IsCancellationRequested)
            {
                return;
            }
            catch (StreamServiceException exception) when (IsMembership(exception))
            {
                await LoseAsync(lost, progress, () => GoOnFrom(exception)).ConfigureAwait(false);
                return;
            }
            catch (Exception)
            {
                // Tried again while the lease lasts, also when a handler of the program's own throws: somebody must watch the lease. The next poll
                // throws what does not pass.
                failures++;
            }
        }
    }

    /// <summary>
    /// Hands the partitions over at once, in place of when the lease ends. They count as lost if the service does not say that it has them, or if
    /// what was done with could not be committed.
    /// </summary>
    /// <param name="cancellationToken">Gives it up: the lease ends by itself.</param>
    public async Task LeaveAsync(CancellationToken cancellationToken)
    {
        if (!CanLeave)
            return;
        var isLost = _hasLeftUndone;
        var hasLeft = true;
        try
        {
            var epoch = _epoch is { } known ? $"?member_epoch={known}" : "";
            await _calls.DoAsync(HttpMethod.Delete, _path + epoch, body: null, cancellationToken).ConfigureAwait(false);
        }
        catch (StreamServiceException exception) when (exception is { ErrorCode: "UNKNOWN_MEMBER_ID", IsOutcomeUnknown: true })
        {
            // There is no such member any more: a try before that had no answer has taken it out.
        }
        catch (Exception exception) when (exception is StreamServiceException or OperationCanceledException)
        {
            // The lease ends by itself, unless a later call has the service take the member out.
            (isLost, hasLeft) = (true, false);
        }

        (_cursor, _isJoined) = (null, false);
        if (hasLeft)
            (_epoch, _mayHaveJoined) = (null, false);
        Assign([], isLost);
    }

    /// <summary>Leaves when the consumer stops: it is tried for <see cref="ConsumerLimits.LeaveMax"/>.</summary>
    /// <param name="abandon">Gives it up before.</param>
    public async Task HandOverAsync(CancellationToken abandon)
    {
        using var late = new CancellationTokenSource(ConsumerLimits.LeaveMax, Time);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(late.Token, abandon);
        await LeaveAsync(ended.Token).ConfigureAwait(false);
    }

    private static TimeSpan Shorter(TimeSpan one, TimeSpan other) => one < other ? one : other;

    private TimeSpan AtMostLeft(TimeSpan time) => LeaseLeft is var left && left > TimeSpan.Zero ? Shorter(time, left) : TimeSpan.Zero;

    // The lease of a poll that waits is renewed meanwhile, and most of it is left when the answer comes. Of any other call it is known only that the
    // service renewed the lease after it was sent.
    private void Renewed(bool hasWaited, long sentAt)
    {
        var renewedAt = hasWaited
            ? Time.GetTimestamp() - (long)(_options.Lease.TotalSeconds * ConsumerLimits.LeaseShareUsedMax * Time.TimestampFrequency)
            : sentAt;
        Interlocked.Exchange(ref _renewedAt, renewedAt);
    }

    private static async Task LoseAsync(CancellationTokenSource lost, AnswerProgress progress, Action goOn)
    {
        // First of all the work stops: what becomes of the handlers of the change does not matter to it. What fails from then on is not noted, and
        // what was noted before is forgotten as the member goes on.
        try
        {
            var told = lost.CancelAsync();
            progress.Lose();
            await told.ConfigureAwait(false);
        }
        finally
        {
            goOn();
        }
    }

    // Without the cursor, which would commit records that were not worked on.
    private void GoOnAnew()
    {
        (_cursor, _isJoined) = (null, false);
        ForgetFailures();
        Assign([], isLost: true);
    }

    // Between polls nothing is worked on: the cursor commits what is done with, if nobody else has the partitions.
    private void LoseWhenLeaseIsOver()
    {
        if (Assignment.Count == 0 || LeaseLeft > TimeSpan.Zero)
            return;
        _isJoined = false;
        Assign([], isLost: true);
    }
}
