using OrleansStream.Gateway.Admission;
using OrleansStream.Partitions;

namespace OrleansStream.Gateway.Reading;

/// <summary>A read of one partition that goes on behind the read of its set, which was answered without it.</summary>
/// <remarks>Batches that it brings count against the node's memory for answers until they are taken or it is disposed of.</remarks>
internal sealed class LateRead : IDisposable
{
    private readonly Lock _gate = new();
    private readonly long _offset;
    private readonly AnswerLoad _load;
    private FetchResponse? _response;
    private bool _isDisposed;
    private volatile bool _isOver;

    /// <summary>Goes on with a read.</summary>
    /// <param name="offset">The offset that is read.</param>
    /// <param name="answer">The read.</param>
    /// <param name="node">The node's memory for answers.</param>
    /// <param name="woken">Is set when the read is over.</param>
    public LateRead(long offset, Task<FetchResponse> answer, NodeAnswers node, WakeSignal woken)
    {
        (_offset, _load) = (offset, new AnswerLoad(node));
        _ = KeepAsync(answer, woken);
    }

    /// <summary>True once the partition has answered, so that it can be read again.</summary>
    public bool IsOver => _isOver;

    /// <summary>Takes what it has brought.</summary>
    /// <param name="offset">The offset wanted now.</param>
    /// <returns>The response; null when there are no batches from that offset on, so that the partition is to be asked again.</returns>
    public FetchResponse? Take(long offset)
    {
        lock (_gate)
        {
            var taken = offset == _offset ? _response : null;
            _response = null;
            _load.Dispose();
            return taken;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_gate)
        {
            _isDisposed = true;
            _response = null;
            _load.Dispose();
        }
    }

    private async Task KeepAsync(Task<FetchResponse> answer, WakeSignal woken)
    {
        try
        {
            var response = await answer.ConfigureAwait(false);
            lock (_gate)
            {
                // Batches are right for good. An error, or that nothing is new, is so only for a moment.
                if (!_isDisposed && response.Error is null && !response.Batches.IsEmpty && _load.TryTake(response.Batches.Length))
                    _response = response;
            }
        }
        finally
        {
            _isOver = true;
            woken.Set();
        }
    }
}
