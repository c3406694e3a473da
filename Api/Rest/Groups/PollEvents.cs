using System.IO.Pipelines;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http.Features;
using OrleansStream.Contracts;
using OrleansStream.Errors;
using OrleansStream.Gateway.Groups;
using OrleansStream.HttpErrors;
using OrleansStream.Rest.Http;
using OrleansStream.Rest.Json;

namespace OrleansStream.Rest.Groups;

/// <summary>Writes a poll's stream as events, one for each answer, with its cursor as id.</summary>
/// <param name="poll">The poll, which has joined.</param>
/// <param name="views">The form of keys and values.</param>
internal sealed class PollEvents(GroupPoll poll, PayloadViews views)
{
    /// <summary>Sends events until partitions are to move, or the client or the service ends the stream.</summary>
    public async Task RunAsync(HttpContext context, CancellationToken cancellationToken)
    {
        context.Response.ContentType = MediaTypes.EventStream;
        context.Response.Headers.CacheControl = "no-cache";
        context.Response.Headers["X-Accel-Buffering"] = "no";
        context.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        var output = context.Response.BodyWriter;
        var answer = new AnswerWriter(output, cancellationToken, isOneLine: true);
        var stream = poll.Stream();
        try
        {
            PollStreamStep step;
            do
            {
                step = await stream.NextAsync(cancellationToken);
                if (step == PollStreamStep.Error)
                {
                    await FailAsync(output, GroupAdvice.Of(stream.Error!, GroupEndpoints.NameOf(context)), cancellationToken);
                    return;
                }

                await WriteAsync(answer, step);
                await answer.FlushAsync();
            }
            while (step != PollStreamStep.Rebalance);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The client has gone, or the service stops and the client polls again.
        }
    }

    private async ValueTask WriteAsync(AnswerWriter answer, PollStreamStep step)
    {
        switch (step)
        {
            case PollStreamStep.Answer:
                await WriteAnswerAsync(answer);
                break;
            case PollStreamStep.NoMemory:
                answer.WriteText(": no memory just now\n\n"u8);
                break;
            case PollStreamStep.Rebalance:
                answer.WriteText("event: rebalance\ndata: {}\n\n"u8);
                break;
            default:
                answer.WriteText(": heartbeat\n\n"u8);
                break;
        }
    }

    private async ValueTask WriteAnswerAsync(AnswerWriter answer)
    {
        answer.WriteText("data: "u8);
        var cursor = await new GroupAnswerWriter(answer, poll, views).WriteAsync();
        answer.EndDocument();
        // The id is the last line, because some readers take over an id when they read its line, even if the event is cut off behind it.
        answer.WriteText("\nid: "u8);
        answer.WriteText(Encoding.ASCII.GetBytes(cursor));
        answer.WriteText("\n\n"u8);
    }

    private static async Task FailAsync(PipeWriter output, StreamError error, CancellationToken cancellationToken)
    {
        var problem = JsonSerializer.SerializeToUtf8Bytes(Problems.Of(error), ApiJsonContext.Api.Problem);
        byte[] text = [.. "event: error\ndata: "u8, .. problem, .. "\n\n"u8];
        await output.WriteAsync(text, cancellationToken);
    }
}
