using OrleansStream.Groups;
using OrleansStream.HttpErrors;
using OrleansStream.Rest.Errors;
using OrleansStream.Rest.Json;
using OrleansStream.Topics;

namespace OrleansStream.Rest.Http;

/// <summary>Refuses whatever an operation does not take, before the operation runs. No part of a request is ignored.</summary>
internal sealed class OperationGate(RequestDelegate next)
{
    /// <summary>Checks one request.</summary>
    /// <param name="context">The request, with its endpoint chosen.</param>
    /// <exception cref="RequestException">The request has something that the operation does not take.</exception>
    public Task InvokeAsync(HttpContext context)
    {
        if (context.GetEndpoint()?.Metadata.GetMetadata<Operation>() is { } operation)
            Check(context, operation);
        return next(context);
    }

    private static void Check(HttpContext context, Operation operation)
    {
        var request = context.Request;
        CheckQuery(request, operation);
        if (request.RouteValues.TryGetValue("topic", out var topic) && TopicName.Validate((string)topic!) is { } error)
            throw new RequestException(error);
        if (request.RouteValues.TryGetValue("group", out var group) && GroupName.Validate((string)group!) is { } groupError)
            throw new RequestException(groupError);
        if (request.RouteValues.TryGetValue("member", out var member) && GroupName.ValidateMember((string)member!) is { } memberError)
            throw new RequestException(memberError);
        if (MediaTypes.OfAnswer(request, operation.Offers) is null)
        {
            throw new RequestException(
                HttpFault.NotAcceptable, $"'{request.Headers.Accept}' is not available here. Available: {string.Join(", ", operation.Offers)}.");
        }

        if (operation.Bodies.Count == 0)
            return;
        if (MediaTypes.OfBody(request, operation.Takes) is null)
        {
            throw new RequestException(
                HttpFault.UnsupportedMediaType,
                $"Content-Type '{request.ContentType}' is not supported here. Allowed, in UTF-8: {string.Join(", ", operation.Takes)}.");
        }

        CheckIdentity(request, operation);
    }

    // A header that was accepted and ignored would promise something that is not kept.
    private static void CheckIdentity(HttpRequest request, Operation operation)
    {
        foreach (var header in IdentityHeaders.All)
        {
            if (!request.Headers.ContainsKey(header) || operation.HasParameter(ParameterPlace.Header, header))
                continue;
            throw RequestException.Malformed(header, header == IdentityHeaders.IdempotencyKey
                ? $"'{header}' is allowed only with requests that append records, and with the request for a producer's next epoch."
                : $"'{header}' counts the records of one partition, so it is allowed only with POST /v1/topics/{{topic}}/partitions/{{partition}}/records. "
                    + $"Without a partition, send '{IdentityHeaders.IdempotencyKey}'.");
        }
    }

    private static void CheckQuery(HttpRequest request, Operation operation)
    {
        if (!request.QueryString.HasValue)
            return;
        foreach ((var name, var values) in request.Query)
        {
            if (!operation.HasParameter(ParameterPlace.Query, name))
            {
                var allowed = string.Join(
                    ", ", operation.Parameters.Where(p => p.Place == ParameterPlace.Query).Select(p => p.Name));
                throw RequestException.Malformed(
                    name, $"There is no query parameter '{name}' here. Allowed: {(allowed.Length == 0 ? "none" : allowed)}.");
            }

            if (values.Count > 1)
                throw JsonFields.Twice(name);
        }
    }
}
