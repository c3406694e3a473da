using System.Text.Json;
using System.Text.Json.Serialization;

namespace OrleansStream.Cli.Profiles;

/// <summary>A service, and how to sign in to it. It names where a secret is, and has none itself.</summary>
internal sealed record Profile
{
    /// <summary>The address that calls go to.</summary>
    public required string Server { get; init; }

    /// <summary>A file that has an API key.</summary>
    public string? KeyFile { get; init; }

    /// <summary>An environment variable that has an API key.</summary>
    public string? KeyVariable { get; init; }

    /// <summary>What the Azure CLI's token is for.</summary>
    public string? AzureCli { get; init; }
}

/// <summary>The file of the profiles.</summary>
internal sealed record ProfileDocument
{
    /// <summary>The profiles, by name.</summary>
    public SortedDictionary<string, Profile> Profiles { get; init; } = new(StringComparer.Ordinal);
}

/// <summary>How profiles are written and read.</summary>
[JsonSourceGenerationOptions(
    WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow, ReadCommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true)]
[JsonSerializable(typeof(ProfileDocument))]
internal sealed partial class ProfileJson : JsonSerializerContext;
