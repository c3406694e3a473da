using System.Collections.Immutable;
using OrleansStream.Groups.Classic;

namespace OrleansStream.Groups;

/// <summary>The joins and syncs that wait for their answers, by ticket. They hold no thread. Not safe outside one grain's scheduler.</summary>
/// <param name="time">Times the waits.</param>
internal sealed class ParkedCalls(TimeProvider time)
{
    private readonly Dictionary<long, TaskCompletionSource<ClassicDelivery>> _calls = [];
    private long _lastTicket;

    /// <summary>Gives a call its ticket. The call must then be waited for with <see cref="WaitAsync"/>.</summary>
    public ParkedCall Park()
    {
        var call = new ParkedCall(++_lastTicket, new TaskCompletionSource<ClassicDelivery>(TaskCreationOptions.RunContinuationsAsynchronously));
        _calls.Add(call.Ticket, call.Answer);
        return call;
    }

    /// <summary>Waits for the answer of a call.</summary>
    /// <param name="call">The call.</param>
    /// <param name="waitMax">The longest wait. An answer that is on its way to be durable is waited for longer: nobody would hear it later.</param>
    /// <param name="cancellationToken">Ends the wait when the caller has gone.</param>
    /// <returns>The answer; null when there is none yet, and the call is parked no longer.</returns>
    public async Task<ClassicDelivery?> WaitAsync(ParkedCall call, TimeSpan waitMax, CancellationToken cancellationToken)
    {
        if (!call.Answer.Task.IsCompleted)
        {
            using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            await Task.WhenAny(call.Answer.Task, Task.Delay(waitMax, time, ended.Token));
            await ended.CancelAsync();
        }

        return _calls.Remove(call.Ticket) ? null : await call.Answer.Task;
    }

    /// <summary>Answers calls, once what they are told is durable. If it cannot be made durable, they fail as the write did.</summary>
    /// <param name="deliveries">The answers.</param>
    /// <param name="flush">Completes when the state is durable.</param>
    public async Task DeliverAsync(ImmutableArray<ClassicDelivery> deliveries, Func<Task> flush)
    {
        var calls = new List<(ClassicDelivery Delivery, TaskCompletionSource<ClassicDelivery> Answer)>(deliveries.Length);
        foreach (var delivery in deliveries)
        {
            if (_calls.Remove(delivery.Ticket, out var answer))
                calls.Add((delivery, answer));
        }

        try
        {
            await flush();
            foreach (var (delivery, answer) in calls)
                answer.TrySetResult(delivery);
        }
        catch (Exception exception)
        {
            foreach (var (_, answer) in calls)
                answer.TrySetException(exception);
        }
    }

    /// <summary>Fails all calls that wait.</summary>
    /// <param name="reason">The exception that they get.</param>
    public void EndAll(Exception reason)
    {
        foreach (var answer in _calls.Values)
            answer.TrySetException(reason);
        _calls.Clear();
    }
}

/// <summary>A call that waits.</summary>
/// <param name="Ticket">The number by which its answer finds it.</param>
/// <param name="Answer">Completes with its answer.</param>
internal readonly record struct ParkedCall(long Ticket, TaskCompletionSource<ClassicDelivery> Answer);
