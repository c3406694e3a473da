using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using OrleansStream.Gateway.Admission;
using OrleansStream.Rest.Errors;
using OrleansStream.Rest.Json;

namespace OrleansStream.Rest.Http;

/// <summary>Answers with a JSON document that is made as a whole: a list of many entries is counted and sent as records are.</summary>
internal static class JsonAnswer
{
    /// <summary>Writes an answer.</summary>
    /// <param name="context">The request.</param>
    /// <param name="answer">The answer.</param>
    /// <param name="type">How it is written.</param>
    /// <exception cref="RequestException">It is long, and the node has no memory for it. What a request has changed is answered in any case.</exception>
    /// <exception cref="OperationCanceledException">The reader has gone.</exception>
    public static async Task WriteAsync<T>(HttpContext context, T answer, JsonTypeInfo<T> type)
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(answer, type);
        using var load = new AnswerLoad(context.RequestServices.GetRequiredService<NodeAnswers>());
        if (body.Length > JsonLimits.ResponseFlushBytes && HttpMethods.IsGet(context.Request.Method))
            load.Take(body.Length);
        context.Response.ContentType = MediaTypes.Json;
        context.Response.ContentLength = body.Length;
        await context.Response.BodyWriter.WriteAsync(body, context.RequestAborted);
    }
}
