namespace OrleansStream.Client.Consuming;

/// <summary>A member's lease while its records are worked on: it is renewed until this is disposed.</summary>
internal sealed class HeldLease : IAsyncDisposable
{
    private readonly GroupMember _member;
    private readonly CancellationTokenSource _lost;
    private readonly CancellationTokenSource _stopped = new();
    private readonly CancellationTokenSource _givenUp;
    private readonly Task _renewals;

    /// <summary>Begins to renew the lease.</summary>
    /// <param name="member">The member.</param>
    /// <param name="progress">The work on its records, which a loss ends.</param>
    /// <param name="cancellationToken">Ends the work, too.</param>
    /// <param name="abandon">Gives up a renewal that is under way.</param>
    public HeldLease(GroupMember member, AnswerProgress progress, CancellationToken cancellationToken, CancellationToken abandon)
    {
        _member = member;
        _lost = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        _givenUp = CancellationTokenSource.CreateLinkedTokenSource(abandon);
        _renewals = member.KeepAliveAsync(_lost, progress, _stopped.Token, _givenUp.Token);
    }

    /// <summary>Cancelled when the member loses its partitions, or the work is to end.</summary>
    public CancellationToken Lost => _lost.Token;

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stopped.CancelAsync().ConfigureAwait(false);
        // A renewal under way is waited for, so that its cursor counts, but not for as long as a service that hangs would take.
        await _renewals.WaitAsync(ConsumerLimits.RenewalStopMax, _member.Time, _givenUp.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _givenUp.CancelAsync().ConfigureAwait(false);
        try
        {
            await _renewals.ConfigureAwait(false);
        }
        finally
        {
            _stopped.Dispose();
            _givenUp.Dispose();
            _lost.Dispose();
        }
    }
}
