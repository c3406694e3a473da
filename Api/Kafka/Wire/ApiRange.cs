namespace OrleansStream.Kafka.Wire;

/// <summary>The versions of an API that are served.</summary>
/// <param name="Key">The API.</param>
/// <param name="Min">The lowest version.</param>
/// <param name="Max">The highest version.</param>
/// <param name="FirstFlexible">The first flexible version (KIP-482) of the API, whether it is served or not.</param>
internal readonly record struct ApiRange(ApiKey Key, short Min, short Max, short FirstFlexible)
{
    /// <summary>Whether a version is served.</summary>
    /// <param name="version">The version.</param>
    public bool Has(short version) => version >= Min && version <= Max;

    /// <summary>Whether a version is a flexible one.</summary>
    /// <param name="version">The version.</param>
    public bool IsFlexible(short version) => version >= FirstFlexible;
}
