using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Kafka.Messages;

/// <summary>What to do with a setting.</summary>
internal enum SettingOperation : sbyte
{
    /// <summary>Set it.</summary>
    Set = 0,

    /// <summary>Put it back to its default.</summary>
    Delete = 1,
}

/// <summary>A change of a setting.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Operation">What to do; of kinds that there are not, too.</param>
/// <param name="Value">The value to set; null for none.</param>
internal readonly record struct SettingChange(string Name, SettingOperation Operation, string? Value);

/// <summary>The changes of the settings of something.</summary>
/// <param name="Resource">The resource whose settings are meant.</param>
/// <param name="Changes">The changes.</param>
internal readonly record struct ResourceChange(ConfigResource Resource, SettingChange[] Changes);

/// <summary>
/// A request of AlterConfigs, versions 0 to 2, by which all settings are set anew and those that it leaves out get their defaults; or of
/// IncrementalAlterConfigs, versions 0 and 1, by which each is changed by itself (KIP-339).
/// </summary>
/// <param name="Resources">The changes.</param>
/// <param name="IsOnlyChecked">True to tell what would come of it, and to change nothing.</param>
internal sealed record AlterConfigsRequest(ResourceChange[] Resources, bool IsOnlyChecked)
{
    /// <summary>The versions of AlterConfigs.</summary>
    public static readonly ApiRange Whole = new(ApiKey.AlterConfigs, Min: 0, Max: 2, FirstFlexible: 2);

    /// <summary>The versions of IncrementalAlterConfigs.</summary>
    public static readonly ApiRange Incremental = new(ApiKey.IncrementalAlterConfigs, Min: 0, Max: 1, FirstFlexible: 1);

    /// <summary>Reads a request.</summary>
    /// <param name="reader">Reads the body.</param>
    /// <param name="isIncremental">Whether it is one of IncrementalAlterConfigs.</param>
    public static AlterConfigsRequest Read(WireReader reader, bool isIncremental)
    {
        var resources = new ResourceChange[reader.ReadArrayLength(elementBytesMin: 3)];
        for (var i = 0; i < resources.Length; i++)
        {
            var resource = ConfigResource.Read(ref reader);
            var changes = new SettingChange[reader.ReadArrayLength(elementBytesMin: 2)];
            for (var j = 0; j < changes.Length; j++)
            {
                var name = reader.ReadString();
                var operation = isIncremental ? (SettingOperation)reader.ReadInt8() : SettingOperation.Set;
                changes[j] = new SettingChange(name, operation, reader.ReadNullableString());
                reader.SkipTags();
            }

            reader.SkipTags();
            resources[i] = new ResourceChange(resource, changes);
        }

        var isOnlyChecked = reader.ReadBoolean();
        reader.SkipTags();
        return new AlterConfigsRequest(resources, isOnlyChecked);
    }
}

/// <summary>The answer to either.</summary>
/// <param name="Resources">What became of each change, in the request's order.</param>
internal readonly record struct AlterConfigsAnswer(IReadOnlyList<(ConfigResource Resource, KafkaError Error, string? Detail)> Resources)
{
    /// <summary>Writes it.</summary>
    /// <param name="answer">Takes the bytes of the answer.</param>
    public void Write(WireWriter answer)
    {
        answer.WriteThrottleTime();
        answer.WriteArray(Resources, (to, one) => one.Resource.Write(to, one.Error, one.Detail));
        answer.WriteNoTags();
    }
}
