namespace OrleansStream.Comparison.Driving;

/// <summary>The connections of a plan, driven by one thread.</summary>
internal sealed class ConnectionSet : IDisposable
{
    private readonly List<Connection> _connections = [];
    private readonly SocketPoll.Entry[] _entries;

    /// <summary>Opens them.</summary>
    /// <param name="plan">The plan.</param>
    public ConnectionSet(LoadPlan plan)
    {
        _entries = new SocketPoll.Entry[plan.Connections];
        try
        {
            for (var i = 0; i < plan.Connections; i++)
            {
                _connections.Add(Connection.Open(plan.Port, plan.NewExchange(i), plan.Window));
                _entries[i].Descriptor = _connections[i].Descriptor;
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>True while answers are missing.</summary>
    public bool HasOutstanding => _connections.Exists(connection => connection.Outstanding > 0);

    /// <summary>Sends on each connection what its window and its socket have room for.</summary>
    /// <param name="requestsMax">The most requests that may be begun now.</param>
    /// <returns>How many were begun.</returns>
    public int Send(long requestsMax)
    {
        var begun = 0;
        foreach (var connection in _connections)
            begun += connection.Send((int)Math.Min(int.MaxValue, requestsMax - begun));
        return begun;
    }

    /// <summary>Waits until something comes, and judges it.</summary>
    /// <param name="tally">Counts the answers.</param>
    /// <param name="timeoutMs">Waits at most so long.</param>
    public void Receive(Tally tally, int timeoutMs)
    {
        for (var i = 0; i < _entries.Length; i++)
        {
            _entries[i].Events = _connections[i].HasUnsent ? (short)(SocketPoll.Readable | SocketPoll.Writable) : SocketPoll.Readable;
            _entries[i].Ready = 0;
        }

        SocketPoll.Wait(_entries, timeoutMs);
        for (var i = 0; i < _entries.Length; i++)
        {
            if ((_entries[i].Ready & ~SocketPoll.Writable) != 0)
                _connections[i].Receive(tally);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _connections.ForEach(connection => connection.Dispose());
}
