using OrleansStream.Gateway.Admission;
using OrleansStream.Gateway.Security;

namespace OrleansStream.Rest.Http;

/// <summary>
/// Admits a request by its client's quotas, checks that the topic in its path exists, and counts the memory of its body against the node's.
/// </summary>
/// <param name="next">The rest of the pipeline.</param>
/// <param name="access">Tells whether anybody signs in.</param>
/// <param name="quotas">What each client may send and read a second.</param>
/// <param name="topics">The existing topics.</param>
/// <param name="node">The node's memory.</param>
internal sealed class AdmissionMiddleware(RequestDelegate next, AccessControl access, ClientQuotas quotas, KnownTopics topics, NodeLoad node)
{
    /// <summary>Runs one request.</summary>
    /// <param name="context">The request, with its endpoint chosen.</param>
    public async Task InvokeAsync(HttpContext context)
    {
        var isCounted = context.Request.Path.StartsWithSegments("/v1");
        if (!isCounted || context.GetEndpoint()?.Metadata.GetMetadata<Operation>() is not { } operation)
        {
            await next(context);
            return;
        }

        var isProduce = operation.Takes.Contains(MediaTypes.RecordBatch);
        Admit(context, isProduce);
        if (!operation.MakesTopic && context.Request.RouteValues.TryGetValue("topic", out var topic))
            await topics.RequireAsync(context.Caller(), (string)topic!, context.RequestAborted);
        if (operation.Takes.Count == 0)
        {
            await next(context);
            return;
        }

        using var load = new RequestLoad(node, isProduce);
        context.Features.Set(load);
        await next(context);
    }

    // Anybody can say of itself what it likes: that counts only where nobody signs in.
    private string ClientOf(HttpContext context)
    {
        var caller = context.Caller();
        return caller.IsSignedIn ? caller.Principal.ToString()
            : access.IsOpen ? ClientIds.Of(context)
            : ClientIds.AddressOf(context);
    }

    private void Admit(HttpContext context, bool isProduce)
    {
        if (!quotas.AreSet)
            return;
        var client = ClientOf(context);
        quotas.AdmitRequest(client);
        if (!isProduce || !quotas.CountBytes)
            return;
        if (context.Request.ContentLength is not { } lengthBytes || !quotas.TryAdmitBytes(client, lengthBytes))
            Meter(context, client);
    }

    // By itself, because its closure would be made for every request.
    private void Meter(HttpContext context, string client) => context.Request.Body = new MeteredBody(
        context.Request.Body, countBytes => quotas.AcquireBytesAsync(client, countBytes, context.RequestAborted));
}
