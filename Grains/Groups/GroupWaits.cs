namespace OrleansStream.Groups;

/// <summary>The polls that wait for a change of their member's assignment. Not safe outside one grain's scheduler.</summary>
/// <param name="time">Times the waits.</param>
internal sealed class GroupWaits(TimeProvider time)
{
    private readonly LinkedList<Parked> _parked = [];

    /// <summary>Waits until the assignment has changed, the time is over, or the caller has gone.</summary>
    /// <param name="member">The member.</param>
    /// <param name="epoch">The epoch that the member knows.</param>
    /// <param name="wait">The longest wait.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>True when the assignment has changed.</returns>
    public async Task<bool> ParkAsync(string member, long epoch, TimeSpan wait, CancellationToken cancellationToken)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var news = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        var node = _parked.AddLast(new Parked(member, epoch, news));
        await Task.WhenAny(news.Task, Task.Delay(wait, time, ended.Token));
        await ended.CancelAsync();
        if (node.List is not null)
            _parked.Remove(node);
        return news.Task.IsCompleted;
    }

    /// <summary>Ends the waits of members whose assignment has changed.</summary>
    /// <param name="hasNews">Whether the assignment of a member has changed since an epoch.</param>
    public void Wake(Func<string, long, bool> hasNews)
    {
        for (var node = _parked.First; node is not null;)
        {
            var next = node.Next;
            if (hasNews(node.Value.Member, node.Value.Epoch))
            {
                _parked.Remove(node);
                node.Value.News.SetResult(true);
            }

            node = next;
        }
    }

    private sealed record Parked(string Member, long Epoch, TaskCompletionSource<bool> News);
}
