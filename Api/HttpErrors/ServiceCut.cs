namespace OrleansStream.HttpErrors;

/// <summary>
/// Tells a request's connection that the service has cut from one that its client has left: the server reports both as aborted. It is among the
/// features of those requests of which somebody wants to know.
/// </summary>
internal sealed class ServiceCut
{
    private volatile bool _isCut;

    /// <summary>True once the service has cut the connection.</summary>
    public bool IsCut => _isCut;

    /// <summary>Cuts the connection of a request whose client may still be there. Safe for any thread.</summary>
    /// <param name="context">The request.</param>
    public static void Cut(HttpContext context)
    {
        if (context.Features.Get<ServiceCut>() is { } cut)
            cut._isCut = true;
        context.Abort();
    }
}
