using Microsoft.Extensions.Options;

namespace OrleansStream.Gateway.Admission;

/// <summary>The quotas of each client on this node: section <c>OrleansStream:Quotas</c>. 0, the default of both, means no quota.</summary>
public sealed class QuotaOptions
{
    /// <summary>The configuration section's name.</summary>
    public const string SectionName = "OrleansStream:Quotas";

    /// <summary>Requests a second.</summary>
    public int RequestsPerSecond { get; set; }

    /// <summary>Bytes of produce requests a second, as they come over the wire.</summary>
    public int ProduceBytesPerSecond { get; set; }
}

/// <summary>Checks the quotas at start.</summary>
public sealed class QuotaOptionsValidator : IValidateOptions<QuotaOptions>
{
    /// <inheritdoc/>
    public ValidateOptionsResult Validate(string? name, QuotaOptions options)
    {
        List<string> failures = [];
        if (options.RequestsPerSecond is < 0 or > AdmissionLimits.QuotaRequestsPerSecondMax)
        {
            failures.Add($"{QuotaOptions.SectionName}:RequestsPerSecond is {options.RequestsPerSecond}; it must be from 0 (none) to "
                + $"{AdmissionLimits.QuotaRequestsPerSecondMax}.");
        }

        if (options.ProduceBytesPerSecond is < 0 or > AdmissionLimits.QuotaBytesPerSecondMax)
        {
            failures.Add($"{QuotaOptions.SectionName}:ProduceBytesPerSecond is {options.ProduceBytesPerSecond}; it must be from 0 (none) to "
                + $"{AdmissionLimits.QuotaBytesPerSecondMax}.");
        }

        return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);
    }
}
