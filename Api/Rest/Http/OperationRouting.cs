namespace OrleansStream.Rest.Http;

/// <summary>Adds endpoints with what they take and give.</summary>
internal static class OperationRouting
{
    /// <summary>Adds an endpoint.</summary>
    /// <param name="routes">Where to.</param>
    /// <param name="method">The HTTP method.</param>
    /// <param name="pattern">The path.</param>
    /// <param name="handler">What serves it.</param>
    /// <param name="operation">What it takes and gives.</param>
    public static void MapOperation(
        this IEndpointRouteBuilder routes, string method, string pattern, RequestDelegate handler, Operation operation) =>
        // The method's own metadata is what makes the API explorer list an endpoint that is a bare request delegate.
        routes.MapMethods(pattern, [method], handler).WithMetadata(handler.Method, operation);
}
