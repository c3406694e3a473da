using System.Text;
using System.Text.Json;
using OrleansStream.Contracts;
using OrleansStream.Errors;
using OrleansStream.Gateway.Reading;
using OrleansStream.Rest.Errors;

namespace OrleansStream.Rest.Fetch;

/// <summary>What a tail says of partitions that cannot be read as they should.</summary>
internal sealed partial class TopicTail
{
    /// <summary>
    /// Waits before a partition is asked again that cannot be read just now. One that is moving is back in a moment, and nobody is told; one that
    /// needs an operator, or stays away, is told once. The others go on.
    /// </summary>
    private async ValueTask WaitAsync(
        int partition, StreamError error, Outage outage, CancellationToken left, CancellationToken ended)
    {
        bool needsOperator = error.Code == StreamErrorCode.PartitionOffline || error.Damage is not null;
        if (outage.IsToBeTold(needsOperator))
            await SendUnavailableAsync(partition, error, ended);
        await Task.Delay(ReadingLimits.TailRetry, time, left);
    }

    private async ValueTask SendUnavailableAsync(int partition, StreamError error, CancellationToken cancellationToken)
    {
        byte[] problem = JsonSerializer.SerializeToUtf8Bytes(Problems.Of(error), ApiJsonContext.Api.Problem);
        byte[] head = Encoding.UTF8.GetBytes(
            $"event: unavailable\ndata: {{\"partition\":{partition},\"offset\":{_positions[partition]},\"error\":");
        byte[] text = [.. head, .. problem, .. "}\n\n"u8];
        await SendAsync(text, cancellationToken);
    }

    private async ValueTask FailAsync(StreamError error, CancellationTokenSource ended)
    {
        byte[] problem = JsonSerializer.SerializeToUtf8Bytes(Problems.Of(error), ApiJsonContext.Api.Problem);
        try
        {
            byte[] text = [.. "event: error\ndata: "u8, .. problem, .. "\n\n"u8];
            await SendAsync(text, ended.Token);
        }
        catch (OperationCanceledException)
        {
            // Another reader was first; the stream is ending.
        }

        await ended.CancelAsync();
    }

    /// <summary>The time during which a partition cannot be read.</summary>
    private sealed class Outage(TimeProvider time)
    {
        private long? _since;
        private bool _isTold;

        /// <summary>It can be read again.</summary>
        public void End() => (_since, _isTold) = (null, false);

        /// <summary>Notes that it cannot be read, and tells whether the client is to be told now; it is told once.</summary>
        /// <param name="atOnce">False for what may be over in a moment.</param>
        public bool IsToBeTold(bool atOnce)
        {
            _since ??= time.GetTimestamp();
            if (_isTold || !(atOnce || time.GetElapsedTime(_since.Value) >= ReadingLimits.TailOutageUntold))
                return false;
            return _isTold = true;
        }
    }
}
