using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Kafka.Messages;

/// <summary>What settings are of.</summary>
internal enum ConfigResourceType : sbyte
{
    /// <summary>A topic, by its name.</summary>
    Topic = 2,

    /// <summary>A broker, by its id.</summary>
    Broker = 4,
}

/// <summary>Something that has settings.</summary>
/// <param name="Type">What it is; of kinds that there are not, too.</param>
/// <param name="Name">Its name.</param>
internal readonly record struct ConfigResource(ConfigResourceType Type, string Name)
{
    /// <summary>Reads one.</summary>
    /// <param name="reader">Stands at it.</param>
    public static ConfigResource Read(ref WireReader reader) => new((ConfigResourceType)reader.ReadInt8(), reader.ReadString());

    /// <summary>Writes it behind what became of it.</summary>
    /// <param name="answer">Takes the bytes of the answer.</param>
    /// <param name="error">Why nothing did.</param>
    /// <param name="detail">Why, for people; null without an error.</param>
    public void Write(WireWriter answer, KafkaError error, string? detail)
    {
        answer.WriteErrorCode((short)error);
        answer.WriteString(detail);
        answer.WriteInt8((sbyte)Type);
        answer.WriteString(Name);
    }
}

/// <summary>A request of DescribeConfigs, versions 0 to 4.</summary>
/// <param name="Resources">What is asked for, and which settings of it; null for all.</param>
/// <param name="WantsDocumentation">Whether the answer is to say what settings mean.</param>
/// <remarks>Version 1 adds synonyms, 3 types and texts, 4 is the first flexible one.</remarks>
internal sealed record DescribeConfigsRequest((ConfigResource Resource, string[]? Keys)[] Resources, bool WantsDocumentation)
{
    /// <summary>The versions.</summary>
    public static readonly ApiRange Api = new(ApiKey.DescribeConfigs, Min: 0, Max: 4, FirstFlexible: 4);

    /// <summary>Reads a request.</summary>
    /// <param name="reader">Reads the body.</param>
    /// <param name="version">The request's version, which decides the fields of its body.</param>
    public static DescribeConfigsRequest Read(WireReader reader, short version)
    {
        var resources = reader.ReadArray(elementBytesMin: 3, ReadResource);
        if (version >= 1)
            reader.ReadBoolean(); // include_synonyms: there is one source of each setting
        var wantsDocumentation = version >= 3 && reader.ReadBoolean();
        reader.SkipTags();
        return new DescribeConfigsRequest(resources, wantsDocumentation);
    }

    private static (ConfigResource Resource, string[]? Keys) ReadResource(ref WireReader reader)
    {
        var resource = (ConfigResource.Read(ref reader), reader.ReadNullableStringArray());
        reader.SkipTags();
        return resource;
    }
}

/// <summary>A setting.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Value">Its value.</param>
/// <param name="Source">Where the value is from.</param>
/// <param name="Type">What kind of value it has.</param>
/// <param name="IsReadOnly">True when it cannot be set, or setting it has no effect.</param>
/// <param name="Documentation">What it means.</param>
internal readonly record struct DescribedSetting(
    string Name, string Value, SettingSource Source, SettingType Type, bool IsReadOnly, string? Documentation);

/// <summary>Where a setting's value is from.</summary>
internal enum SettingSource : sbyte
{
    /// <summary>It was set for the topic.</summary>
    Topic = 1,

    /// <summary>It is of this broker's own settings.</summary>
    Broker = 4,

    /// <summary>It is the default.</summary>
    Default = 5,
}

/// <summary>What kind of value a setting has.</summary>
internal enum SettingType : sbyte
{
    /// <summary>A text.</summary>
    Text = 2,

    /// <summary>A whole number.</summary>
    Long = 5,
}

/// <summary>The settings of something.</summary>
/// <param name="Resource">The resource whose settings are meant.</param>
/// <param name="Error">Why they cannot be told.</param>
/// <param name="Detail">Why, for people; null when they are.</param>
/// <param name="Settings">The settings.</param>
internal readonly record struct DescribedResource(
    ConfigResource Resource, KafkaError Error, string? Detail, IReadOnlyList<DescribedSetting> Settings);

/// <summary>The answer to DescribeConfigs.</summary>
/// <param name="Resources">What was asked for, in order.</param>
/// <param name="WithDocumentation">Whether it says what settings mean.</param>
internal readonly record struct DescribeConfigsAnswer(IReadOnlyList<DescribedResource> Resources, bool WithDocumentation)
{
    /// <summary>Writes it.</summary>
    /// <param name="answer">Takes the bytes of the answer.</param>
    /// <param name="version">The request's version.</param>
    public void Write(WireWriter answer, short version)
    {
        answer.WriteThrottleTime();
        var withDocumentation = WithDocumentation;
        answer.WriteArray(Resources, (to, resource) =>
        {
            resource.Resource.Write(to, resource.Error, resource.Detail);
            to.WriteArray(resource.Settings, (each, setting) => Write(each, setting, version, withDocumentation));
        });
        answer.WriteNoTags();
    }

    private static void Write(WireWriter answer, in DescribedSetting setting, short version, bool withDocumentation)
    {
        answer.WriteString(setting.Name);
        answer.WriteString(setting.Value);
        answer.WriteBoolean(setting.IsReadOnly);
        if (version == 0)
            answer.WriteBoolean(setting.Source == SettingSource.Default);
        else
            answer.WriteInt8((sbyte)setting.Source);
        answer.WriteBoolean(false); // is_sensitive
        if (version >= 1)
            answer.WriteArrayLength(0); // synonyms
        if (version >= 3)
        {
            answer.WriteInt8((sbyte)setting.Type);
            answer.WriteString(withDocumentation ? setting.Documentation : null);
        }
    }
}
