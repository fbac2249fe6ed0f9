# Application inference profiles for each team, which tell its use of each model apart in what AWS bills. One for each Region.

terraform {
  required_version = ">= 1.9"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.25"
    }
  }
}

variable "teams" {
  description = "By the team's name: its cost centre, and by tier (opus, sonnet, haiku) the ARN of what its profile copies."
  type = map(object({
    cost_centre = string
    models      = map(string)
  }))
  validation {
    condition     = alltrue([for team in values(var.teams) : length(setsubtract(keys(team.models), ["opus", "sonnet", "haiku"])) == 0])
    error_message = "Tiers are opus, sonnet and haiku."
  }
}

locals {
  profiles = merge([
    for name, team in var.teams : {
      for tier, arn in team.models : "${name} ${tier}" => { team = name, tier = tier, arn = arn, cost_centre = team.cost_centre }
    }
  ]...)
}

resource "aws_bedrock_inference_profile" "this" {
  for_each    = local.profiles
  name        = each.key
  description = "${each.value.team} on Claude ${title(each.value.tier)} by Onramp"
  model_source {
    copy_from = each.value.arn
  }
  tags = {
    team        = each.value.team
    cost-centre = each.value.cost_centre
  }
}

output "arns" {
  description = "By team and tier: what the team's plan in Onramp names."
  value       = { for key, profile in aws_bedrock_inference_profile.this : key => profile.arn }
}
