using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using OrleansStream.Gateway.Admission;
using OrleansStream.Rest.Errors;
using OrleansStream.Rest.Json;

namespace OrleansStream.Rest.Http;

/// <summary>Answers with a JSON document that is made as a whole. The memory of a long one is counted, as for answers with records.</summary>
internal static class JsonAnswer
{
    /// <summary>Writes an answer.</summary>
    /// <param name="context">The request.</param>
    /// <param name="answer">What is written as JSON.</param>
    /// <param name="type">The JSON contract of the answer.</param>
    /// <exception cref="RequestException">
    /// The answer is long, and the node has no memory for it. A request that has changed something is always answered.
    /// </exception>
    /// <exception cref="OperationCanceledException">The reader has gone.</exception>
    public static async Task WriteAsync<T>(HttpContext context, T answer, JsonTypeInfo<T> type)
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(answer, type);
        using var load = new AnswerLoad(context.RequestServices.GetRequiredService<NodeAnswers>());
        if (body.Length > JsonLimits.ResponseShortBytesMax && HttpMethods.IsGet(context.Request.Method))
            load.Take(body.Length);
        context.Response.ContentType = MediaTypes.Json;
        context.Response.ContentLength = body.Length;
        await context.Response.BodyWriter.WriteAsync(body, context.RequestAborted);
    }
}
