using System.Runtime.ExceptionServices;
using OrleansStream.Client.Telemetry;
using OrleansStream.Topics.Partitioning;

namespace OrleansStream.Client.Consuming;

/// <summary>
/// Has handlers work on the records of one answer, several at a time. Records with equal keys are in one row and are handled one after the other.
/// </summary>
/// <typeparam name="T">The type of the records' values.</typeparam>
/// <param name="member">The member whose answer it is.</param>
/// <param name="progress">Is told what is done.</param>
/// <param name="options">The consumer's settings.</param>
/// <param name="scope">Knows the handlers from outside callers.</param>
/// <param name="handler">Works on a record.</param>
/// <param name="read">Reads a record of the answer; null for one that is not delivered.</param>
internal sealed class AnswerWork<T>(
    GroupMember member, AnswerProgress progress, ConsumerOptions options, WorkScope scope, Func<ConsumedRecord<T>, CancellationToken, Task> handler,
    Func<int, CancellationToken, ValueTask<ConsumedRecord<T>?>> read)
{
    private ExceptionDispatchInfo? _failure;

    /// <summary>Works until all records are done with, or it has to stop. Handlers that work are waited for.</summary>
    /// <param name="lost">Cancelled when the partitions are lost; it is passed to the handlers.</param>
    /// <param name="stop">Cancelled when no further record is to be begun.</param>
    /// <exception cref="Exception">That of a handler, where the settings say that the consumer stops.</exception>
    public async Task RunAsync(CancellationToken lost, CancellationToken stop)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(lost, stop);
        var count = member.Records.Count;
        if (options.Concurrency == 1 || count == 1)
        {
            await RunRowAsync(Enumerable.Range(0, count), lost, stop, ended.Token).ConfigureAwait(false);
        }
        else
        {
            var token = ended.Token;
            var rows = Rows(count).Where(row => row.Count > 0)
                .Select(row => Task.Run(() => RunRowAsync(row, lost, stop, token), CancellationToken.None));
            await Task.WhenAll(rows).ConfigureAwait(false);
        }

        _failure?.Throw();
    }

    private List<int>[] Rows(int count)
    {
        var rows = new List<int>[options.Concurrency];
        for (var i = 0; i < rows.Length; i++)
            rows[i] = [];
        for (var i = 0; i < count; i++)
        {
            var row = member.Records[i].Key is { } key ? KeyPartitioner.Choose(key.Span, rows.Length) : i % rows.Length;
            rows[row].Add(i);
        }

        return rows;
    }

    private async Task RunRowAsync(IEnumerable<int> row, CancellationToken lost, CancellationToken stop, CancellationToken ended)
    {
        scope.Enter();
        foreach (var index in row)
        {
            if (lost.IsCancellationRequested || stop.IsCancellationRequested || Volatile.Read(ref _failure) is not null)
                return;
            try
            {
                if (await read(index, ended).ConfigureAwait(false) is not { } record)
                    continue;
                await HandleAsync(record, index, lost, ended).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                // Given up since the program ends. That says nothing of the record, which comes again.
                return;
            }
            catch (Exception) when (lost.IsCancellationRequested)
            {
                // The record is another member's now. Whatever a call throws that was ended for it says nothing of the record.
                return;
            }
            catch (Exception exception)
            {
                Interlocked.CompareExchange(ref _failure, ExceptionDispatchInfo.Capture(exception), null);
                return;
            }
        }
    }

    private async Task HandleAsync(ConsumedRecord<T> record, int index, CancellationToken lost, CancellationToken ended)
    {
        var started = member.Time.GetTimestamp();
        var activity = ClientTelemetry.BeginProcess(record.Topic, record.Partition, record.Offset, member.Group, record.SentIn);
        string? error = null;
        try
        {
            await handler(record, lost).ConfigureAwait(false);
            progress.Complete(index);
        }
        catch (Exception exception) when (!lost.IsCancellationRequested)
        {
            error = exception.GetType().FullName;
            ClientTelemetry.Fail(activity, error!);
            if (options.FailureAction == FailureAction.Stop || (exception is OperationCanceledException && ended.IsCancellationRequested))
                throw;
            await progress.FailPatientlyAsync(
                index, member.Records[index].Place, record.KeyBytes, $"{exception.GetType().Name}: {exception.Message}", ended).ConfigureAwait(false);
        }
        finally
        {
            ClientTelemetry.CountProcessed(record.Topic, member.Group, member.Time.GetElapsedTime(started), error);
            ClientTelemetry.End(activity);
        }
    }
}
