using System.IO.Pipelines;
using System.Text.Json;
using Microsoft.AspNetCore.Http.Features;
using OrleansStream.Contracts;
using OrleansStream.Errors;
using OrleansStream.Gateway.Admission;
using OrleansStream.Gateway.Groups;
using OrleansStream.Gateway.Reading;
using OrleansStream.Rest.Errors;
using OrleansStream.Rest.Http;
using OrleansStream.Rest.Json;

namespace OrleansStream.Rest.Groups;

/// <summary>
/// A poll that goes on answering: one event per answer, with its cursor as id. Nothing is committed by the stream itself, as
/// nobody can tell what its reader has done. When partitions are to move it ends, so that the reader's next poll, with the last
/// cursor it is done with, says where the next owner starts.
/// </summary>
/// <param name="poll">The poll, joined.</param>
/// <param name="options">What was asked for.</param>
/// <param name="views">How keys and values appear.</param>
/// <param name="member">The member.</param>
/// <param name="time">Times waits.</param>
/// <param name="load">The memory of the answers.</param>
internal sealed class GroupPollStream(GroupPoll poll, PollOptions options, PayloadViews views, string member, TimeProvider time, AnswerLoad load)
{
    /// <summary>Sends events until partitions are to move, or the client or the service ends it.</summary>
    /// <param name="context">The request.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task RunAsync(HttpContext context, CancellationToken cancellationToken)
    {
        context.Response.ContentType = MediaTypes.EventStream;
        context.Response.Headers.CacheControl = "no-cache";
        context.Response.Headers["X-Accel-Buffering"] = "no";
        context.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        PipeWriter output = context.Response.BodyWriter;
        var answer = new AnswerWriter(output, cancellationToken, isOneLine: true);
        try
        {
            // The first event comes at once and tells the assignment, with or without records.
            for (int waitMs = 0; !poll.HasNews; waitMs = GroupRequestLimits.PollStreamWaitMs)
            {
                if (await poll.ReadAsync(waitMs, endsOnNews: true, cancellationToken) is { } refused)
                {
                    await FailAsync(output, refused.Error!, cancellationToken);
                    return;
                }

                bool hasRecords = poll.Partitions.Any(partition => partition.HasRecords);
                if (hasRecords || poll.Resets.Count > 0 || waitMs == 0)
                    await WriteAnswerAsync(answer, cancellationToken);
                else
                    answer.WriteText(": heartbeat\n\n"u8);
                await answer.FlushAsync();
            }

            answer.WriteText("event: rebalance\ndata: {}\n\n"u8);
            await answer.FlushAsync();
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The client has gone or the service stops: both poll again.
        }
        catch (Exception exception) when (exception is TimeoutException or OrleansException or StreamException)
        {
            await FailAsync(output, (exception as StreamException)?.Error
                ?? new StreamError(StreamErrorCode.CoordinatorNotAvailable, $"The group of member '{member}' is moving. Poll again."), cancellationToken);
        }
    }

    private async ValueTask WriteAnswerAsync(AnswerWriter answer, CancellationToken cancellationToken)
    {
        var writer = new GroupAnswerWriter(answer, poll, options, views, load);
        if (!writer.TryBegin())
        {
            answer.WriteText(": no memory just now\n\n"u8);
            await Task.Delay(ReadingLimits.TailRetry, time, cancellationToken);
            return;
        }

        answer.WriteText("data: "u8);
        await writer.WriteAsync();
        answer.EndDocument();
        // The last line: some readers take an id over at its line, also of an event that is cut off behind it.
        answer.WriteText("\nid: "u8);
        answer.WriteText(System.Text.Encoding.ASCII.GetBytes(poll.Cursor()));
        answer.WriteText("\n\n"u8);
    }

    private static async Task FailAsync(PipeWriter output, StreamError error, CancellationToken cancellationToken)
    {
        byte[] problem = JsonSerializer.SerializeToUtf8Bytes(Problems.Of(error), ApiJsonContext.Api.Problem);
        byte[] text = [.. "event: error\ndata: "u8, .. problem, .. "\n\n"u8];
        await output.WriteAsync(text, cancellationToken);
    }
}
