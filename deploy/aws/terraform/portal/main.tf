# The role that Onramp's workers run as, in the account where Onramp runs. It reaches nothing but Onramp's other roles.

terraform {
  required_version = ">= 1.9"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.25"
    }
  }
}

variable "role_arns" {
  description = "The roles of accounts and Identity Centers, and of plans with a live probe. No wildcard."
  type        = list(string)
  validation {
    condition     = alltrue([for arn in var.role_arns : can(regex("^arn:aws[a-z-]*:iam::\\d{12}:role/[\\w+=,.@/-]+$", arn))])
    error_message = "Name each role by its ARN, without * and ?."
  }
}

variable "role_name" {
  type    = string
  default = "Onramp"
}

variable "runs_on" {
  description = "Pods by EKS Pod Identity (eks) or by IAM roles for service accounts (irsa), or a task of ECS (ecs)."
  type        = string
  default     = "eks"
  validation {
    condition     = contains(["eks", "irsa", "ecs"], var.runs_on)
    error_message = "One of eks, irsa, ecs."
  }
}

variable "cluster_arn" {
  description = "Of eks, the cluster."
  type        = string
  default     = ""
  validation {
    condition     = var.runs_on != "eks" || var.cluster_arn != ""
    error_message = "EKS needs the cluster's ARN."
  }
}

variable "oidc_provider_arn" {
  description = "Of irsa, the cluster's identity provider in IAM."
  type        = string
  default     = ""
  validation {
    condition     = var.runs_on != "irsa" || var.oidc_provider_arn != ""
    error_message = "IAM roles for service accounts need the ARN of the cluster's identity provider."
  }
}

variable "namespace" {
  description = "Of eks and irsa, the namespace that Onramp runs in."
  type        = string
  default     = "onramp"
}

variable "service_account" {
  description = "Of eks and irsa, the service account of workers."
  type        = string
  default     = "onramp-worker"
}

data "aws_caller_identity" "this" {}

data "aws_partition" "this" {}

data "aws_region" "this" {}

locals {
  issuer = element(split("oidc-provider/", "${var.oidc_provider_arn}oidc-provider/"), 1)
}

data "aws_iam_policy_document" "trust" {
  dynamic "statement" {
    for_each = var.runs_on == "eks" ? [1] : []
    content {
      # Tags say which pod it is.
      actions = ["sts:AssumeRole", "sts:TagSession"]
      principals {
        type        = "Service"
        identifiers = ["pods.eks.amazonaws.com"]
      }
      condition {
        test     = "StringEquals"
        variable = "aws:SourceAccount"
        values   = [data.aws_caller_identity.this.account_id]
      }
      condition {
        test     = "ArnEquals"
        variable = "aws:SourceArn"
        values   = [var.cluster_arn]
      }
      condition {
        test     = "StringEquals"
        variable = "aws:RequestTag/kubernetes-namespace"
        values   = [var.namespace]
      }
      condition {
        test     = "StringEquals"
        variable = "aws:RequestTag/kubernetes-service-account"
        values   = [var.service_account]
      }
    }
  }

  dynamic "statement" {
    for_each = var.runs_on == "irsa" ? [1] : []
    content {
      actions = ["sts:AssumeRoleWithWebIdentity"]
      principals {
        type        = "Federated"
        identifiers = [var.oidc_provider_arn]
      }
      condition {
        test     = "StringEquals"
        variable = "${local.issuer}:aud"
        values   = ["sts.amazonaws.com"]
      }
      condition {
        test     = "StringEquals"
        variable = "${local.issuer}:sub"
        values   = ["system:serviceaccount:${var.namespace}:${var.service_account}"]
      }
    }
  }

  dynamic "statement" {
    for_each = var.runs_on == "ecs" ? [1] : []
    content {
      actions = ["sts:AssumeRole"]
      principals {
        type        = "Service"
        identifiers = ["ecs-tasks.amazonaws.com"]
      }
      condition {
        test     = "StringEquals"
        variable = "aws:SourceAccount"
        values   = [data.aws_caller_identity.this.account_id]
      }
      condition {
        test     = "ArnLike"
        variable = "aws:SourceArn"
        values   = ["arn:${data.aws_partition.this.partition}:ecs:${data.aws_region.this.region}:${data.aws_caller_identity.this.account_id}:*"]
      }
    }
  }
}

data "aws_iam_policy_document" "assume" {
  statement {
    # A pod's tags come along with it.
    actions   = var.runs_on == "eks" ? ["sts:AssumeRole", "sts:TagSession"] : ["sts:AssumeRole"]
    resources = var.role_arns
  }
}

resource "aws_iam_role" "this" {
  name               = var.role_name
  description        = "What Onramp's workers are. Everything they may ask, they may as the roles they assume."
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy" "assume" {
  name   = "Onramp"
  role   = aws_iam_role.this.id
  policy = data.aws_iam_policy_document.assume.json
}

output "role_arn" {
  description = "portal_role_arn of the other modules."
  value       = aws_iam_role.this.arn
}
