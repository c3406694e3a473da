namespace OrleansStream.Client.Consuming;

/// <summary>A member's lease while its records are worked on: it is renewed until this is disposed.</summary>
internal sealed class HeldLease : IAsyncDisposable
{
    private readonly CancellationTokenSource _lost;
    private readonly CancellationTokenSource _stopped = new();
    private readonly Task _renewals;

    /// <summary>Begins to renew the lease.</summary>
    /// <param name="member">The member.</param>
    /// <param name="progress">The work on its records, which a loss ends.</param>
    /// <param name="cancellationToken">Ends the work, too.</param>
    public HeldLease(GroupMember member, AnswerProgress progress, CancellationToken cancellationToken)
    {
        _lost = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        _renewals = member.KeepAliveAsync(_lost, progress, _stopped.Token);
    }

    /// <summary>Cancelled when the member loses its partitions, or the work is to end.</summary>
    public CancellationToken Lost => _lost.Token;

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stopped.CancelAsync().ConfigureAwait(false);
        await _renewals.ConfigureAwait(false);
        _stopped.Dispose();
        _lost.Dispose();
    }
}
