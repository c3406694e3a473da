namespace OrleansStream.Rest.Http;

/// <summary>Adds endpoints together with their operations.</summary>
internal static class OperationRouting
{
    /// <summary>Adds an endpoint whose requests are checked by its operation before the handler sees them.</summary>
    /// <param name="routes">The routes to which it is added, such as those below <c>/v1</c>.</param>
    /// <param name="method">The HTTP method. GET also serves HEAD.</param>
    /// <param name="pattern">The path below that of the routes, with its parameters in braces.</param>
    /// <param name="handler">Writes the answer; what it throws becomes a problem document.</param>
    /// <param name="operation">The parameters, bodies and rights by which requests are checked.</param>
    public static void MapOperation(
        this IEndpointRouteBuilder routes, string method, string pattern, RequestDelegate handler, Operation operation) =>
        // The metadata of the handler's method makes the API explorer list the endpoint, although its handler is a bare request delegate.
        routes.MapMethods(pattern, [method], handler).WithMetadata(handler.Method, operation);
}
