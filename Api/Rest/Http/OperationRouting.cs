namespace OrleansStream.Rest.Http;

/// <summary>Adds endpoints together with their operations.</summary>
internal static class OperationRouting
{
    /// <summary>Adds an endpoint.</summary>
    /// <param name="routes">The routes to which it is added.</param>
    /// <param name="method">The HTTP method.</param>
    /// <param name="pattern">The path.</param>
    /// <param name="handler">Serves the requests.</param>
    /// <param name="operation">Describes it.</param>
    public static void MapOperation(
        this IEndpointRouteBuilder routes, string method, string pattern, RequestDelegate handler, Operation operation) =>
        // The metadata of the handler's method makes the API explorer list the endpoint, although its handler is a bare request delegate.
        routes.MapMethods(pattern, [method], handler).WithMetadata(handler.Method, operation);
}
