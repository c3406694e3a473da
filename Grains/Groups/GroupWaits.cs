namespace OrleansStream.Groups;

/// <summary>Polls that wait for news of their member. Only for use on one grain's scheduler.</summary>
/// <param name="time">Times the waits.</param>
internal sealed class GroupWaits(TimeProvider time)
{
    private readonly LinkedList<Parked> _parked = [];

    /// <summary>Waits until there is news, the time is over or the caller has gone.</summary>
    /// <param name="member">The member.</param>
    /// <param name="epoch">The epoch it knows.</param>
    /// <param name="wait">How long.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>True when there is news.</returns>
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

    /// <summary>Ends the waits of members that have news.</summary>
    /// <param name="hasNews">Tells by member and epoch.</param>
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
