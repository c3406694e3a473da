using OrleansStream.Errors;

namespace OrleansStream.Rest.Http;

/// <summary>The place of a parameter in a request.</summary>
internal enum ParameterPlace
{
    /// <summary>In braces in the pattern of the path.</summary>
    Path,

    /// <summary>Behind the question mark.</summary>
    Query,

    /// <summary>A header of the request; its name is matched in any case.</summary>
    Header,
}

/// <summary>A parameter of an operation.</summary>
/// <param name="Name">Its name as callers write it.</param>
/// <param name="Place">Where callers write it.</param>
/// <param name="Description">What it does, with its bounds.</param>
/// <param name="Example">A value that works in the walk-through; null for none.</param>
internal sealed record OperationParameter(string Name, ParameterPlace Place, string Description, string? Example = null)
{
    /// <summary>True for an integer, false for text.</summary>
    public bool IsInteger { get; init; }

    /// <summary>The allowed values; empty when they are not a list.</summary>
    public IReadOnlyList<string> Choices { get; init; } = [];

    /// <summary>The value when it is left out.</summary>
    public string? Default { get; init; }
}

/// <summary>A body in one media type.</summary>
/// <param name="MediaType">The media type, without parameters.</param>
/// <param name="Schema">The type that describes it; null for bytes or text.</param>
/// <param name="Example">A body that works in the walk-through; null for none.</param>
internal sealed record OperationBody(string MediaType, Type? Schema, string? Example = null);

/// <summary>An answer that is not an error.</summary>
/// <param name="Status">The HTTP status, below 400.</param>
/// <param name="Description">When the answer is given.</param>
/// <param name="Bodies">Its body in each media type; empty for none.</param>
internal sealed record OperationAnswer(int Status, string Description, params IReadOnlyList<OperationBody> Bodies);

/// <summary>
/// The parameters, bodies, answers and errors of an endpoint. Requests are checked by it and the API's description is made from it, so the two cannot
/// differ.
/// </summary>
/// <param name="Id">The name that generated clients give its method; a released one does not change.</param>
/// <param name="Tag">The group of operations in which it is described.</param>
/// <param name="Summary">What it does, in a few words.</param>
/// <param name="Description">What a caller must know.</param>
internal sealed record Operation(string Id, string Tag, string Summary, string Description)
{
    /// <summary>
    /// The right that its caller needs at least. A request without it is refused before anything of the request is judged. Rights on what the body
    /// names, such as the topics of a poll, are checked by the gateway.
    /// </summary>
    public required OperationRight Right { get; init; }

    /// <summary>Its parameters besides a body. Any other query parameter is refused.</summary>
    public IReadOnlyList<OperationParameter> Parameters { get; init; } = [];

    /// <summary>The bodies that it takes; empty when it takes none.</summary>
    public IReadOnlyList<OperationBody> Bodies { get; init; } = [];

    /// <summary>True when the body may be left out.</summary>
    public bool IsBodyOptional { get; init; }

    /// <summary>True when the topic in its path need not exist yet.</summary>
    public bool MakesTopic { get; init; }

    /// <summary>The answers that are not errors.</summary>
    public IReadOnlyList<OperationAnswer> Answers { get; init; } = [];

    /// <summary>The service's errors that it may give, besides those that any request may get.</summary>
    public IReadOnlyList<StreamErrorCode> Errors { get; init; } = [];

    /// <summary>
    /// True when its connection is cut instead of an answer with status 503. A browser's <c>EventSource</c> connects again after a broken connection,
    /// but never after an answer other than 200.
    /// </summary>
    public bool IsCutWhenUnavailable { get; init; }

    /// <summary>The media types of its answers, the preferred one first.</summary>
    public IReadOnlyList<string> Offers { get; init; } = [MediaTypes.Json];

    /// <summary>Whether it takes a parameter.</summary>
    public bool HasParameter(ParameterPlace place, string name)
    {
        foreach (var parameter in Parameters)
        {
            if (parameter.Place == place && parameter.Name.Equals(name, StringComparison.Ordinal))
                return true;
        }

        return false;
    }

    /// <summary>The media types of the bodies that it takes.</summary>
    public IReadOnlyList<string> Takes => _takes ??= [.. Bodies.Select(body => body.MediaType)];

    private string[]? _takes;
}
