using OrleansStream.Contracts;
using OrleansStream.Gateway.Security;
using OrleansStream.Rest.Errors;
using OrleansStream.Rest.Http;
using OrleansStream.Rest.Json;
using OrleansStream.Security;

namespace OrleansStream.Rest.Access;

/// <summary>Tickets for a browser's <c>EventSource</c>, which can send no header.</summary>
/// <param name="tickets">Issues the tickets.</param>
/// <param name="time">The clock, for their expiry.</param>
internal sealed class TicketEndpoints(Tickets tickets, TimeProvider time)
{
    /// <summary>Take a ticket.</summary>
    public static readonly Operation Post = new(
        "takeTicket", KeyEndpoints.Tag, "Take a ticket for an EventSource",
        "A browser's `EventSource` cannot send who its user is. A ticket opens one address, once, within a minute, with the rights of whoever took it: add it to the address "
        + "as `ticket`. When the connection ends, take another: `EventSource` connects again with the ticket that it has used.")
    {
        Right = OperationRight.SignedIn,
        Bodies = [new(MediaTypes.Json, typeof(TicketRequest), """{"url":"/v1/topics/matches/records?from=earliest"}""")],
        Answers =
        [
            new(StatusCodes.Status201Created, "The ticket.", new OperationBody(MediaTypes.Json, typeof(TicketAnswer), """
                {"ticket":"…","url":"/v1/topics/matches/records?from=earliest&ticket=…","expires_at":"2026-06-11T18:01:00.000Z"}
                """)),
        ],
    };

    /// <summary>Adds the endpoint.</summary>
    /// <param name="routes">The routes to which it is added.</param>
    public static void Map(IEndpointRouteBuilder routes) =>
        routes.MapOperation("POST", "/tickets", routes.ServiceProvider.GetRequiredService<TicketEndpoints>().PostAsync, Post);

    private async Task PostAsync(HttpContext context)
    {
        string url;
        using (var body = await RequestBody.ReadAsync(context, AccessRequestLimits.AccessBodyBytesMax))
            url = ParseUrl(body.Json);
        var ticket = await tickets.IssueAsync(context.Caller(), url, context.RequestAborted);
        context.Response.StatusCode = StatusCodes.Status201Created;
        context.Response.Headers.CacheControl = "no-store";
        var answer = new TicketAnswer
        {
            Ticket = ticket,
            Url = $"{url}{(url.Contains('?', StringComparison.Ordinal) ? '&' : '?')}{SignInMiddleware.Ticket}={ticket}",
            ExpiresAt = time.GetUtcNow() + AccessLimits.TicketAge,
        };
        await JsonAnswer.WriteAsync(context, answer, ApiJsonContext.Api.TicketAnswer);
    }

    private static string ParseUrl(ReadOnlyMemory<byte> body)
    {
        using var document = JsonBody.Parse(body, "url");
        var url = JsonBody.Text(document.RootElement, "url") ?? throw JsonBody.Missing("url", "the path and the query that the ticket is for");
        if (!url.StartsWith("/v1/", StringComparison.Ordinal) || url.Length > HttpLimits.RequestLineBytesMax || url.Any(letter => letter is < '!' or > '~' or '#'))
            throw RequestException.Malformed("url", "'url' is a path of this service with its query, as it is sent: /v1/topics/matches/records?from=earliest.");
        return url;
    }
}
